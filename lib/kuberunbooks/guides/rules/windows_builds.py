"""Windows releases: which build a node runs, which one an image was made for by its tag.

A container that is not isolated by Hyper-V shares the node's kernel, so its image must
fit the node's build. Called by the windows-networking guide.
"""

from __future__ import annotations

import re
from typing import NamedTuple

RX_WIN_OS = re.compile(
    r"(?i)container operating system does not match the host operating system"
    r"|operating system of the container does not match|0xc0370101|no matching manifest for windows"
)
_BUILD = re.compile(r"10\.0\.(?P<build>\d{5})")

# Microsoft's own tags and builds (learn.microsoft.com, "Windows container version compatibility").
_RELEASES = {
    14393: "Windows Server 2016",
    17763: "Windows Server 2019",
    18362: "Windows Server, version 1903",
    18363: "Windows Server, version 1909",
    19041: "Windows Server, version 2004",
    19042: "Windows Server, version 20H2",
    20348: "Windows Server 2022",
    25398: "Windows Server, version 23H2",
    26100: "Windows Server 2025",
}
_TAGS = {
    "ltsc2016": 14393, "ltsc2019": 17763, "1809": 17763, "1903": 18362, "1909": 18363, "2004": 19041,
    "20h2": 19042, "ltsc2022": 20348, "23h2": 25398, "ltsc2025": 26100,
}  # fmt: skip
_TAG_WORD = re.compile(r"(?<![0-9a-z])(?:" + "|".join(_TAGS) + r")(?![0-9a-z])")
_WINDOWS_IMAGE = re.compile(
    r"windows|nanoserver|servercore|dotnet/framework|/iis\b|ltsc20\d\d", re.IGNORECASE
)


class Build(NamedTuple):
    """A build of Windows: `number` 20348, and what it is sold as, empty when we do not know it."""

    number: int
    release: str

    @property
    def text(self) -> str:
        """`Windows Server 2022 (build 20348)`."""
        return f"{self.release} (build {self.number})" if self.release else f"build {self.number}"


def build_of(version: str) -> Build | None:
    """The build in a kernel version (`10.0.20348.2227`) or a label windows-build (`10.0.20348`)."""
    match = _BUILD.search(version)
    return _build(int(match["build"])) if match else None


def build_of_image(image: str) -> Build | None:
    """The build an image was made for, by its tag; None when the tag does not tell."""
    name, _, tag = image.partition("@")[0].rpartition(":")
    if not name or "/" in tag:
        return None
    if (found := build_of(tag)) is not None:
        return found
    match = _TAG_WORD.search(tag.lower())
    return _build(_TAGS[match[0]]) if match else None


def looks_like_windows(image: str) -> bool:
    """Whether an image's name says that it is for Windows; that it does not proves nothing."""
    return _WINDOWS_IMAGE.search(image) is not None or build_of_image(image) is not None


def _build(number: int) -> Build:
    return Build(number, _RELEASES.get(number, ""))
