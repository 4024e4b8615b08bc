"""Runs from start to results, as a person or an alert starts them."""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Notebooks

RESULTS = {"report.html", "report.json", "summary.md", "notebook.ipynb"}


def _case(own: Notebooks, incident: Callable[[str], Path], name: str) -> list[str]:
    return ["--case", str(incident(name)), "-n", name]


def test_the_demo_writes_its_results_and_says_where(own: Notebooks) -> None:
    for _ in range(2):
        ended = own.command("demo", "--out", "here")
        assert ended.returncode == 0, ended.stderr
        assert {path.name for path in (own.cwd / "here").iterdir()} >= RESULTS
        assert "payments" in ended.stdout
        for name in RESULTS:
            assert f"here/{name}" in ended.stdout


def test_without_out_the_results_go_to_a_new_folder_named_after_the_target(own: Notebooks) -> None:
    own.write("mine", parameters='target: str = ""')
    assert own.command("run", "mine", "-p", "target=deployment/web").returncode == 0
    (folder,) = (own.cwd / "reports").iterdir()
    assert folder.name.startswith("mine-deployment-web-20")


def test_json_is_all_that_stdout_holds(own: Notebooks, incident: Callable[[str], Path]) -> None:
    ended = own.run("pods", *_case(own, incident, "crashloop"), "-p", "target=deployment/payments", "--json")
    result = json.loads(ended.stdout)
    assert result["exit_status"] == ended.returncode == 0
    assert result["severity"] == "critical"
    assert result["verdict"]
    assert json.loads(Path(result["files"]["report.json"]).read_bytes())["verdict"] == result["verdict"]


def test_fail_on_makes_a_finding_the_exit_status(own: Notebooks, incident: Callable[[str], Path]) -> None:
    crash = [*_case(own, incident, "crashloop"), "-p", "target=deployment/payments"]
    assert own.run("pods", *crash, "--fail-on", "critical").returncode == 1
    assert own.report()["severity"] == "critical"
    assert own.run("pods", *_case(own, incident, "healthy"), "--fail-on", "warning").returncode == 0


SECRET = "hunter2hunter2"
PASTED = f"""PS> Get-HnsNetwork
PS> proxies
HTTPS_PROXY=http://joe:{SECRET}@proxy.test:443/
a line that nothing judges
PS> """


def test_what_was_pasted_is_judged_and_shown_in_no_result(
    own: Notebooks, incident: Callable[[str], Path]
) -> None:
    asked = [*_case(own, incident, "nodes"), "-p", "target=node/win-1", "-p", f"pasted={PASTED}"]
    ended = own.run("windows-networking", *asked, "-p", f"external=https://joe:{SECRET}@example.test/")
    assert ended.returncode == 0, ended.stderr
    assert "WindowsHostAnswered" in {one["code"] for one in own.report()["findings"]}
    length = f"({len(PASTED)} characters, not shown)"
    for name in RESULTS:
        text = (own.out / name).read_text()
        assert SECRET not in text, name
        assert "a line that nothing judges" not in text, name
        assert (length in text) is (name != "summary.md"), name
    with zipfile.ZipFile(own.out / "case.zip") as case:
        assert not [name for name in case.namelist() if SECRET.encode() in case.read(name)]
    assert SECRET not in ended.stdout + ended.stderr


def test_a_secret_in_a_parameter_is_not_in_the_notebook_either(own: Notebooks) -> None:
    own.write("echo", "print(len(target))", parameters='target: str = ""')
    value = f"https://joe:{SECRET}@example.test/"
    assert own.run("echo", "-p", f"target={value}").returncode == 0
    assert own.text("cell-1") == f"{len(value)}\n"
    for name in RESULTS:
        assert SECRET not in (own.out / name).read_text(), name


def test_every_step_of_the_guide_is_in_the_report(own: Notebooks, incident: Callable[[str], Path]) -> None:
    from kuberunbooks.guides import guide

    own.run("pods", *_case(own, incident, "healthy"))
    assert [step["id"] for step in own.report()["steps"]] == [step.id for step in guide("pods").steps]


HOSTILE = "'''\"); import pathlib; pathlib.Path('pwned').touch() #\n{target}${x}%(y)s{0.__class__}\\"


def test_a_hostile_value_stays_text(own: Notebooks) -> None:
    own.write("echo", "import sys; sys.stdout.write(target)", parameters='target: str = ""')
    assert own.run("echo", "-p", f"target={HOSTILE}").returncode == 0
    assert own.text("cell-1") == HOSTILE
    assert own.report()["parameters"]["target"] == HOSTILE.replace("\n", "\n")
    assert not (own.cwd / "pwned").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-p", "namspace=x"], "There is no parameter 'namspace'; did you mean namespace?"),
        (["-p", "__import__('os').system('touch pwned')=1"], "There is no parameter"),
        (["-p", "allow_actions=perhaps"], "Parameter allow_actions='perhaps' is not true or false."),
        (["-p", "namespace"], "-p namespace is no parameter; write -p name=value."),
        (["--preset", "nothing"], "has no preset 'nothing'"),
        (["--preset", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["--case", "nowhere.zip"], "There is no case at nowhere.zip."),
        (["--runbooks", "nowhere"], "is not a folder"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_status_2(
    own: Notebooks, arguments: list[str], sentence: str
) -> None:
    ended = own.run("pods", *arguments)
    assert ended.returncode == 2
    assert sentence in ended.stderr.splitlines()[0]
    assert not own.out.exists()
    assert not (own.cwd / "pwned").exists()


def _empty(path: Path, archive: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path, archive: Path) -> None:
    path.write_bytes(archive.read_bytes()[:2000])


def _alien(path: Path, archive: Path) -> None:
    with tarfile.open(path, "w:gz") as alien:
        alien.add(__file__, "readme.txt")


def _garbage(path: Path, archive: Path) -> None:
    path.write_bytes(bytes(range(256)) * 10)


@pytest.mark.parametrize("spoil", [_empty, _truncated, _alien, _garbage])
def test_a_case_that_cannot_be_used_is_one_sentence_and_status_2(
    own: Notebooks, spoil: Callable[[Path, Path], None]
) -> None:
    case = own.cwd / "case.tar.gz"
    spoil(case, Path(__file__).parents[1] / "incidents" / "crashloop.tar.gz")
    ended = own.run("pods", "--case", str(case))
    assert ended.returncode == 2, ended.stdout
    assert own.report()["failure"]["error"].startswith("Case")
    assert own.report()["failure"]["sentence"] in " ".join(ended.stdout.split())


def test_a_cluster_that_is_not_there_is_status_3_and_a_report_says_so(
    own: Notebooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = own.cwd / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "users: [{name: u, user: {token: t}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    ended = own.run("pods")
    assert ended.returncode == 3, ended.stderr
    assert own.report()["failure"]["exit_status"] == 3


def test_an_own_notebook_with_steps_of_a_guide_gives_the_same_report(
    own: Notebooks, incident: Callable[[str], Path]
) -> None:
    assert own.command("new", "own/crash.ipynb").returncode == 0
    ended = own.run("crash", *_case(own, incident, "crashloop"), "-p", "target=deployment/payments")
    assert ended.returncode == 0, ended.stderr
    assert [step["name"] for step in own.report()["steps"]] == ["overall", "restarts"]


def test_a_notebook_runs_with_the_python_of_the_command(own: Notebooks) -> None:
    import sys

    own.write("which", "import sys; sys.stdout.write(sys.executable)")
    own.run("which")
    assert own.text("cell-1") == sys.executable


def test_the_persons_ipython_is_left_alone(own: Notebooks, monkeypatch: pytest.MonkeyPatch) -> None:
    startup = own.cwd / "home" / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "evil.py").write_text("import pathlib; pathlib.Path('pwned').touch()")
    monkeypatch.setenv("HOME", str(own.cwd / "home"))
    own.write("quiet", "1")
    assert own.run("quiet").returncode == 0
    assert not (own.cwd / "pwned").exists()
    assert not list((own.cwd / "home").rglob("history.sqlite*"))


def test_results_may_go_into_a_folder_that_holds_other_files(own: Notebooks) -> None:
    own.write("mine", "1")
    own.out.mkdir()
    (own.out / "keep.txt").write_text("keep")
    assert own.run("mine").returncode == 0
    assert (own.out / "keep.txt").read_text() == "keep"
    assert {path.name for path in own.out.iterdir()} >= RESULTS


def test_nothing_of_a_run_stays_in_the_temporary_folder(
    own: Notebooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A short path: a socket's may have 107 characters.
    temporary = Path("/tmp") / f"t{own.cwd.stat().st_ino}"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    try:
        own.write("mine", "1")
        own.run("mine")
        assert list(temporary.iterdir()) == []
    finally:
        shutil.rmtree(temporary)
