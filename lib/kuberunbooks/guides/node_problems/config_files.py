"""The files a detector reads: which its command line names, and what the mounted ConfigMaps hold of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, NotFound
from kuberunbooks.objects import ConfigMap
from kuberunbooks.objects.pod import ConfigMapVolume

from ..rules.managed_fields import newest_write
from ..rules.npd_config import Kind, Monitor, read_config
from ..rules.npd_fields import Defect
from .detector import ConfigFile, Detector

CONFIG_FLAG = re.compile(r"config\.(?P<kind>system-log-monitor|custom-plugin-monitor|system-stats-monitor)")
OLD_FLAGS: dict[str, Kind] = {
    "system-log-monitors": "system-log-monitor",
    "custom-plugin-monitors": "custom-plugin-monitor",
}
# What the image starts with when the manifest names no command (its Dockerfile).
_IMAGE_FILES: dict[str, Kind] = {
    "/config/kernel-monitor.json": "system-log-monitor",
    "/config/readonly-monitor.json": "system-log-monitor",
}
_MOST_MAPS = 10
_DEFAULT_MODE = 0o644
_EXECUTABLE = 0o111


def _wanted(detector: Detector) -> dict[str, Kind]:
    """The files it is told to read, with what is in them."""
    found: dict[str, Kind] = {}
    for name, values in detector.flags.items():
        match = CONFIG_FLAG.fullmatch(name)
        kind: Any = match["kind"] if match else OLD_FLAGS.get(name)
        if kind:
            found.update(
                (path.strip(), kind) for value in values for path in value.split(",") if path.strip()
            )
    if not detector.container.command:
        found = _IMAGE_FILES | found
    return {
        path if path.startswith("/") else f"/{path.removeprefix('./')}": kind for path, kind in found.items()
    }


def read_files(detector: Detector, cluster: Cluster) -> None:
    """Fills in `files`, `maps`, `changed` and `absent`. What cannot be read is noted in the coverage."""
    wanted = _wanted(detector)
    for path, kind in wanted.items():
        detector.files.append(_file(detector, path, kind, cluster))
    if not wanted:
        detector.files += _mounted(detector, cluster)


def _mounted(detector: Detector, cluster: Cluster) -> Iterator[ConfigFile]:
    """Started in a way we cannot read: whatever JSON is mounted for it is taken for its configuration."""
    for mount in detector.container.volume_mounts:
        volume = detector.volume(mount.name)
        if volume is not None and volume.config_map is not None and not mount.sub_path:
            held = _held(detector, volume.config_map, cluster) or {}
            for key in sorted(held):
                if key.endswith(".json"):
                    path = f"{mount.mount_path.rstrip('/')}/{key}"
                    yield _parsed(detector, path, None, volume.config_map.name, key, cluster)


def _file(detector: Detector, path: str, kind: Kind, cluster: Cluster) -> ConfigFile:
    mounted = detector.mount_of(path)
    if mounted is None:
        return ConfigFile(path, kind, why="it is the image's own")
    mount, volume = mounted
    if volume is None or volume.config_map is None:
        return ConfigFile(path, kind, why="it is not from a ConfigMap")
    name = volume.config_map.name
    key = _key(volume.config_map, mount.sub_path or path[len(mount.mount_path.rstrip("/")) + 1 :])
    held = _held(detector, volume.config_map, cluster)
    if held is None:
        why = "the ConfigMap does not exist" if name in detector.absent else "the ConfigMap could not be read"
        return ConfigFile(path, kind, name, key, why=why)
    if key in held:
        return _parsed(detector, path, kind, name, key, cluster)
    # Which files an image starts with by itself depends on its version.
    by_itself = not detector.container.command and path in _IMAGE_FILES and path not in _explicit(detector)
    return ConfigFile(path, kind, name, key, missing=not by_itself, why="the ConfigMap lacks it")


def _key(volume: ConfigMapVolume, inside: str) -> str:
    """The key behind a path inside the volume; one that is not mounted has none, and keeps its name."""
    if not volume.items:
        return inside
    return next((one.key for one in volume.items if one.path == inside), f"{inside} (not mounted)")


def _explicit(detector: Detector) -> str:
    return " ".join(value for values in detector.flags.values() for value in values)


def _parsed(
    detector: Detector, path: str, kind: Kind | None, config_map: str, key: str, cluster: Cluster
) -> ConfigFile:
    text = (detector.maps.get(config_map) or {}).get(key, "")
    monitor = read_config(text, key, kind, detector.version)
    programs = tuple(_programs(detector, monitor, cluster))
    return ConfigFile(path, monitor.kind, config_map, key, monitor, programs=programs)


def _programs(detector: Detector, monitor: Monitor, cluster: Cluster) -> Iterator[Defect]:
    """Programs in a folder a ConfigMap is mounted at: the image's own are hidden there."""
    for rule in monitor.rules:
        path = rule.path if rule.path.startswith("/") else f"/{rule.path.removeprefix('./')}"
        mounted = detector.mount_of(path) if rule.path and "\\" not in rule.path else None
        volume = mounted[1].config_map if mounted is not None and mounted[1] is not None else None
        if mounted is None or volume is None:
            continue
        inside = mounted[0].sub_path or path[len(mounted[0].mount_path.rstrip("/")) + 1 :]
        held = _held(detector, volume, cluster)
        if held is None:
            continue
        key = _key(volume, inside)
        if key not in held:
            why = f"ConfigMap {volume.name}, mounted there, does not hold it and hides the image's folder"
            yield Defect(f"{rule.place}.path", rule.path, why, "stops", True)
        elif not _mode(volume, key) & _EXECUTABLE:
            why = f"ConfigMap {volume.name} is mounted with mode {_mode(volume, key):04o}: it cannot be run"
            yield Defect(f"{rule.place}.path", rule.path, why, "silent", True)


def _mode(volume: ConfigMapVolume, key: str) -> int:
    own = next((one.mode for one in volume.items if one.key == key), None)
    return own or volume.default_mode or _DEFAULT_MODE


def _held(detector: Detector, volume: ConfigMapVolume, cluster: Cluster) -> dict[str, str] | None:
    """The texts of a ConfigMap; None when it does not exist or could not be read."""
    name = volume.name
    if name not in detector.maps and len(detector.maps) < _MOST_MAPS:
        namespace = detector.daemon_set.namespace
        try:
            raw = cluster.read_raw_object(ConfigMap, namespace, name)
            data = raw.get("data")
            known = data if isinstance(data, dict) else {}
            detector.maps[name] = {key: text for key, text in known.items() if isinstance(text, str)}
            metadata = raw.get("metadata")
            fields = metadata.get("managedFields") if isinstance(metadata, dict) else None
            if (written := newest_write(fields)) is not None:
                detector.changed[name] = written
        except NotFound:
            # An optional one that is absent leaves an empty folder.
            detector.maps[name] = {} if volume.optional else None
            if not volume.optional:
                detector.absent.append(name)
        except ClusterError as error:
            detector.maps[name] = None
            cluster.note_failure(error, "get configmaps", namespace)
    return detector.maps.get(name)
