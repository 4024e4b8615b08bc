"""A node problem detector as its DaemonSet describes it, and the files it is told to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Listing
from kuberunbooks.objects import Container, DaemonSet, Pod
from kuberunbooks.objects.container import VolumeMount
from kuberunbooks.objects.pod import Volume

from ..rules.go_duration import go_seconds
from ..rules.kernel_patterns import KernelRule, default_rules
from ..rules.npd_config import Kind, Monitor
from ..rules.npd_fields import Defect
from ..rules.thresholds import NODE_CONDITION_STALE


class ConfigFile(NamedTuple):
    """A file a detector is told to read. `monitor` None: `why` says why it is not known.

    `config_map` and `key` are where it comes from; empty for one of the image.
    `missing`: the mounted ConfigMap hides the image's folder and does not hold it.
    `programs` is what is wrong with the programs it wants to run.
    """

    path: str
    kind: Kind
    config_map: str = ""
    key: str = ""
    monitor: Monitor | None = None
    missing: bool = False
    why: str = ""
    programs: tuple[Defect, ...] = ()

    @property
    def defects(self) -> tuple[Defect, ...]:
        """All that is wrong in it, also with the programs it names."""
        return (*(self.monitor.defects if self.monitor else ()), *self.programs)

    @property
    def name(self) -> str:
        """Its name without the folder."""
        return self.path.rpartition("/")[2]


@dataclass
class Detector:
    """A DaemonSet that runs node problem detector. `version` None: its image's tag does not tell.

    `flags` are those of its command line, each with its values; `maps` the mounted
    ConfigMaps, None for one that could not be read, `changed` when each was last written
    (managedFields), `absent` those that do not exist.
    """

    daemon_set: DaemonSet
    container: Container
    index: int
    version: tuple[int, ...] | None
    flags: dict[str, list[str]]
    maps: dict[str, dict[str, str] | None] = field(default_factory=dict)
    changed: dict[str, datetime] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    files: list[ConfigFile] = field(default_factory=list)
    pods: Listing[Pod] = field(default_factory=Listing)

    @property
    def path(self) -> str:
        """Where its container stands in the DaemonSet."""
        return f"spec.template.spec.containers[{self.index}]"

    @property
    def monitors(self) -> list[Monitor]:
        """The files that could be read."""
        return [one.monitor for one in self.files if one.monitor is not None]

    @property
    def heartbeat(self) -> float:
        """Conditions not renewed for this many seconds are history: twice its period."""
        given = go_seconds(self.flag("k8s-exporter-heartbeat-period"))
        return max(NODE_CONDITION_STALE, 2 * given) if given else NODE_CONDITION_STALE

    def flag(self, name: str) -> str:
        """The last value of a flag; empty when it is not set."""
        return (self.flags.get(name) or [""])[-1]

    @property
    def text(self) -> str:
        """`daemonset/node-problem-detector` with its namespace, for a table."""
        return f"{self.daemon_set.namespace}/{self.daemon_set.name}"

    def is_off(self, name: str) -> bool:
        """Whether a flag that is on by default is set to false."""
        return self.flag(name).lower() in ("false", "f", "0")

    def volume(self, name: str) -> Volume | None:
        """The volume of that name."""
        return next((one for one in self.daemon_set.template.spec.volumes if one.name == name), None)

    def mount_of(self, path: str) -> tuple[VolumeMount, Volume | None] | None:
        """The mount that holds a path in the container: the deepest one."""
        fitting = [one for one in self.container.volume_mounts if _is_inside(path, one.mount_path)]
        if not fitting:
            return None
        deepest = max(fitting, key=lambda one: len(one.mount_path.rstrip("/")))
        return deepest, self.volume(deepest.name)


def started(pod: Pod, container: str) -> datetime | None:
    """When the detector's process in a pod began: it reads its files then, and never again."""
    for one in pod.containers("app"):
        if one.name == container and one.status.state.running is not None:
            return one.status.state.running.started_at
    return None


def built_in(file: ConfigFile) -> list[KernelRule]:
    """The rules of a file of the image, as far as they are known: those of the newest version."""
    return default_rules(file.name) if not file.config_map and file.monitor is None else []


def _is_inside(path: str, folder: str) -> bool:
    folder = folder.rstrip("/")
    return path == folder or path.startswith(f"{folder}/")
