"""Writes constraints.txt: exact versions of all that the package and its extras have in this environment.

Run it in a fresh environment after `pip install -U -e '.[lab,dev]'` to move to
newer versions; then run the tests.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PINS = Path(__file__).parents[1] / "constraints.txt"
HEAD = "# Exact versions, so that a new machine gets the same. Written by scripts/pin_versions.py.\n"


def pins() -> list[str]:
    """`name==version` of all that the package and its extras need, directly or not."""
    found: dict[str, str] = {}
    ours = distribution("kuberunbooks")
    waiting = [Requirement(f"kuberunbooks[{','.join(ours.metadata.get_all('Provides-Extra') or ())}]")]
    seen = set()
    while waiting:
        wanted = waiting.pop()
        key = (_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            installed = distribution(wanted.name)
        except PackageNotFoundError:
            continue  # for another system or Python
        if key[0] != "kuberunbooks":
            found[key[0]] = f"{key[0]}=={installed.version}"
        for text in installed.requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in wanted.extras or {""}
            ):
                waiting.append(needed)
    return [found[name] for name in sorted(found)]


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    PINS.write_text(HEAD + "\n".join(pins()) + "\n", encoding="utf-8")
