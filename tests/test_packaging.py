"""What is installed elsewhere works like the checkout, and the lists of dependencies agree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import metadata, requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

CONDA_NAMES = {"python-kubernetes": "kubernetes"}
FROM_PIP = {"google-re2", "kubernetes-validate", "msgspec"}
"""Left to pip: conda-forge has them under other names, or not in every version."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed into a folder of its own."""
    root = tmp_path_factory.mktemp("wheel")
    for command in (
        ["build", "--wheel", "--no-isolation", "--outdir", root / "dist", ROOT],
        [
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--find-links",
            root / "dist",
            "--target",
            root / "site",
            "kuberunbooks",
        ],
    ):
        subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, cwd=root)
    return root / "site"


def _elsewhere(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed / "bin" / "runbook", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_wheel_brings_notebooks_presets_and_template(installed: Path, tmp_path: Path) -> None:
    listed = json.loads(_elsewhere(installed, tmp_path, "list", "--json").stdout)
    notebooks = {path.stem: path for path in (ROOT / "runbooks").glob("[!_]*.ipynb")}
    assert {one["name"] for one in listed} == set(notebooks)
    for one in listed:
        assert Path(one["path"]).is_relative_to(installed)
    described = json.loads(_elsewhere(installed, tmp_path, "describe", "pods", "--json").stdout)
    assert described["presets"] == yaml.safe_load((ROOT / "parameters" / "pods.yaml").read_text("utf-8"))
    assert _elsewhere(installed, tmp_path, "new", "mine.ipynb").returncode == 0
    assert (tmp_path / "mine.ipynb").read_bytes() == (ROOT / "runbooks" / "_template.ipynb").read_bytes()


def test_the_demo_runs_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    ended = _elsewhere(installed, tmp_path, "demo", "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["severity"] == "critical"
    report = json.loads((tmp_path / "reports" / "demo" / "report.json").read_bytes())
    assert Path(report["parameters"]["case"]).is_relative_to(installed)


def test_what_the_checkout_holds_for_development_stays_out_of_the_wheel(installed: Path) -> None:
    names = {path.relative_to(installed).parts[0] for path in installed.iterdir()}
    assert names == {"bin", "kuberunbooks", f"kuberunbooks-{PROJECT['version']}.dist-info"}


def _requirements(*extras: str) -> dict[str, Requirement]:
    texts = [
        *PROJECT["dependencies"],
        *(text for extra in extras for text in PROJECT["optional-dependencies"][extra]),
    ]
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, texts)}


def test_the_conda_environment_has_the_bounds_of_the_project() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    conda = [
        Requirement(text)
        for text in environment
        if isinstance(text, str) and not text.startswith(("python=", "pip"))
    ]
    found = {canonicalize_name(CONDA_NAMES.get(one.name, one.name)): str(one.specifier) for one in conda}
    wanted = {name: str(one.specifier) for name, one in _requirements("lab").items() if name not in FROM_PIP}
    assert found == wanted
    assert "python=3.11" in environment
    assert environment[-1] == {"pip": ["-e .[lab]"]}


@pytest.fixture(scope="module")
def pinned() -> dict[str, str]:
    """constraints.txt: versions by name."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_pins_are_exact_and_hold_no_addresses(pinned: dict[str, str]) -> None:
    for name, pin in pinned.items():
        assert re.fullmatch(r"[a-z0-9-]+", name), name
        assert re.fullmatch(r"[0-9][0-9a-z.+!]*", pin), pin


def test_the_pins_satisfy_the_bounds(pinned: dict[str, str]) -> None:
    for name, requirement in _requirements(*PROJECT["optional-dependencies"]).items():
        assert requirement.specifier.contains(pinned[name]), requirement


def test_what_the_dependencies_need_is_pinned_too(pinned: dict[str, str]) -> None:
    for name in pinned:
        for needed in map(Requirement, requires(name) or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in pinned, f"{name} needs {needed}"


def test_every_pin_runs_on_the_python_of_debian_12(pinned: dict[str, str]) -> None:
    for name, pin in pinned.items():
        installed = metadata(name)
        if installed["Version"] == pin:
            assert SpecifierSet(installed["Requires-Python"] or "").contains("3.11.2"), name


def test_the_version_is_the_same_everywhere() -> None:
    from kuberunbooks import __version__

    assert __version__ == PROJECT["version"] == version("kuberunbooks")
