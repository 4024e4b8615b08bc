"""The pause image in a containerd configuration, where each version of containerd looks for it.

containerd 1.x reads `sandbox_image` of the plugin `io.containerd.grpc.v1.cri` (or `cri`,
in the oldest form); containerd 2.x with a configuration of version 3 reads `sandbox` below
`pinned_images` of `io.containerd.cri.v1.images`, and takes over the older key only from
a configuration that says version 2. Called by the windows-networking guide.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Literal, NamedTuple

_START = re.compile(r"^(?:version\s*=\s*\d|#|disabled_plugins|imports|oom_score|plugin_dir|required_plugins|"
                    r"root\s*=|state\s*=|temp\s*=|\[)", re.MULTILINE)  # fmt: skip
_OLD_PLUGINS = ("io.containerd.grpc.v1.cri", "cri")
_NEW_PLUGIN = "io.containerd.cri.v1.images"
_PAUSE_TAG = re.compile(r"/pause:v?(?P<major>\d+)\.(?P<minor>\d+)")
OLDEST_PAUSE = (3, 6)
"""The pause image the upstream guide names; older ones lack builds of Windows Server 2022, or wincat."""


class SandboxImage(NamedTuple):
    """Where a configuration names the pause image. `key` is its path, as a person finds it in the file."""

    image: str
    key: str
    form: Literal["old", "new"]


class ContainerdConfig(NamedTuple):
    """A configuration: `version` (1 where it says none), the images it names, or why it is no TOML."""

    version: int
    images: tuple[SandboxImage, ...] = ()
    error: str = ""

    def used_by(self, major: int) -> SandboxImage | None:
        """The one that containerd of this major version goes by; None: its own default."""
        wanted = "new" if major >= 2 and self.version >= 3 else "old"
        return next((one for one in self.images if one.form == wanted), None)

    def ignored_by(self, major: int) -> list[SandboxImage]:
        """Those it does not look at."""
        used = self.used_by(major)
        return [one for one in self.images if one is not used and (used is None or one.form != used.form)]


def read_containerd(text: str) -> ContainerdConfig | None:
    """The configuration in a text; None when it is none."""
    if "[plugins" not in text and "sandbox_image" not in text and "pinned_images" not in text:
        return None
    start = _START.search(text)
    body = text[start.start() :] if start else text
    try:
        value = tomllib.loads(body)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return ContainerdConfig(0, error=str(error))
    version = value.get("version")
    plugins = value.get("plugins")
    images = tuple(_images(plugins)) if isinstance(plugins, dict) else ()
    return ContainerdConfig(version if isinstance(version, int) else 1, images)


def _images(plugins: dict[str, Any]) -> list[SandboxImage]:
    found = []
    for name in _OLD_PLUGINS:
        image = _at(plugins, name, "sandbox_image")
        if image:
            found.append(SandboxImage(image, f'plugins."{name}".sandbox_image', "old"))
    image = _at(plugins, _NEW_PLUGIN, "pinned_images", "sandbox")
    if image:
        found.append(SandboxImage(image, f'plugins."{_NEW_PLUGIN}".pinned_images.sandbox', "new"))
    return found


def _at(value: Any, *path: str) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def is_old_pause(image: str) -> bool:
    """Whether a pause image is older than the one the upstream guide names."""
    match = _PAUSE_TAG.search(image)
    return match is not None and (int(match["major"]), int(match["minor"])) < OLDEST_PAUSE


def runtime_major(version: str) -> int | None:
    """1 or 2 for `containerd://1.7.27`, `containerd://2.0.4`; None for another runtime or an odd text."""
    name, _, number = version.partition("://")
    head = number.lstrip("v").partition(".")[0]
    return int(head) if name == "containerd" and head.isdigit() else None
