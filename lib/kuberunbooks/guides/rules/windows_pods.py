"""Which pods are meant for Windows, and what their specification may not say there.

Called by the windows-networking guide.
"""

from __future__ import annotations

import re
from typing import Any

from kuberunbooks.objects import PodSpec

OS_LABEL = "kubernetes.io/os"
BUILD_LABEL = "node.kubernetes.io/windows-build"
_OLD_LABEL = "beta.kubernetes.io/os"

# What validateWindows of the API server refuses where spec.os.name is windows.
_POD_FLAGS = ("hostPID", "hostIPC")
_POD_FIELDS = ("hostUsers", "shareProcessNamespace")
_POD_SECURITY = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls",
    "runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
_CONTAINER_SECURITY = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem",
    "privileged", "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
RX_NOT_ON_WINDOWS = re.compile(r"(?P<field>spec\.[\w.\[\]]+): Forbidden: cannot be set for a windows pod")


def wanted_system(spec: PodSpec) -> str:
    """The operating system a pod asks for: by os.name, node selector or required affinity; else empty."""
    if spec.os is not None and spec.os.name:
        return spec.os.name
    for label in (OS_LABEL, _OLD_LABEL):
        if label in spec.node_selector:
            return spec.node_selector[label]
    if BUILD_LABEL in spec.node_selector:
        return "windows"
    return _affinity_system(spec)


def _affinity_system(spec: PodSpec) -> str:
    node_affinity = spec.affinity.node_affinity if spec.affinity else None
    required = node_affinity.required_during_scheduling_ignored_during_execution if node_affinity else None
    systems: set[str] = set()
    for term in required.node_selector_terms if required else ():
        found = ""
        for one in term.match_expressions:
            if one.key in (OS_LABEL, _OLD_LABEL) and one.operator == "In" and len(one.values) == 1:
                found = one.values[0]
            elif one.key == BUILD_LABEL and one.operator in ("In", "Exists"):
                found = found or "windows"
        systems.add(found)
    return systems.pop() if len(systems) == 1 else ""


def is_host_process(spec: PodSpec) -> bool:
    """Whether its containers run on the node itself: they have no sandbox network of their own."""
    contexts = [spec.security_context, *(one.security_context for one in spec.containers)]
    return any(
        one is not None and one.windows_options is not None and bool(one.windows_options.host_process)
        for one in contexts
    )


def linux_only_fields(spec: dict[str, Any]) -> list[str]:
    """The fields of a plain pod specification that mean nothing on Windows, each path once.

    With spec.os.name windows the API server refuses the pod because of them; without
    it they are let through and do nothing.
    """
    found: dict[str, None] = {}
    found.update({name: None for name in _POD_FLAGS if spec.get(name) is True})
    found.update({name: None for name in _POD_FIELDS if spec.get(name) is not None})
    _collect(found, spec.get("securityContext"), _POD_SECURITY, "securityContext")
    for kind in _CONTAINERS:
        containers = spec.get(kind)
        for one in containers if isinstance(containers, list) else ():
            if isinstance(one, dict):
                _collect(found, one.get("securityContext"), _CONTAINER_SECURITY, f"{kind}[].securityContext")
    return list(found)


def _collect(found: dict[str, None], context: Any, names: tuple[str, ...], path: str) -> None:
    if isinstance(context, dict):
        for name in names:
            if context.get(name) not in (None, [], {}):
                found[f"{path}.{name}"] = None
