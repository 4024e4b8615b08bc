"""Claims, volumes, classes and attachments."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from .base import Api, KubernetesObject, View
from .pod import NodeSelector


class ClaimSpec(View):
    """spec of a PersistentVolumeClaim; storageClassName "" asks for no class, absent for the default one."""

    storage_class_name: str | None = None
    volume_name: str = ""
    resources: dict[str, Any] = {}
    access_modes: list[str] = []


class ClaimStatus(View):
    """status of a PersistentVolumeClaim."""

    phase: str = ""
    capacity: dict[str, Any] = {}


class PersistentVolumeClaim(KubernetesObject):
    """A PersistentVolumeClaim."""

    api: ClassVar[Api] = Api("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)
    status: ClaimStatus = msgspec.field(default_factory=ClaimStatus)


class VolumeNodeAffinity(View):
    """spec.nodeAffinity of a PersistentVolume."""

    required: NodeSelector | None = None


class PersistentVolumeSpec(View):
    """spec of a PersistentVolume."""

    storage_class_name: str = ""
    capacity: dict[str, Any] = {}
    node_affinity: VolumeNodeAffinity | None = None


class PersistentVolume(KubernetesObject):
    """A PersistentVolume."""

    api: ClassVar[Api] = Api("v1", "persistentvolumes", "PersistentVolume", namespaced=False)
    spec: PersistentVolumeSpec = msgspec.field(default_factory=PersistentVolumeSpec)
    status: ClaimStatus = msgspec.field(default_factory=ClaimStatus)


class StorageClass(KubernetesObject):
    """A StorageClass."""

    api: ClassVar[Api] = Api("storage.k8s.io/v1", "storageclasses", "StorageClass", namespaced=False)
    provisioner: str = ""
    volume_binding_mode: str = "Immediate"


class VolumeAttachment(KubernetesObject):
    """A VolumeAttachment."""

    api: ClassVar[Api] = Api("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", namespaced=False)
