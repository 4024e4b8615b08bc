"""The objects that kubectl debug makes: an ephemeral container, a copy of a pod, a pod on a node.

Built here as kubectl builds them (kubectl, pkg/cmd/debug/{debug,profiles}.go; kubectl 1.36 and 1.37 send the
same), so that a report can show what would be sent, an actor sends it, and the command beside it does the
same by hand. Pure functions on the objects' JSON. Called by the ephemeral-debug guide and whoever needs
a pod of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

PROFILES = ("general", "baseline", "restricted", "netadmin", "sysadmin")
"""What kubectl calls --profile; `legacy`, the default before kubectl 1.36, goes away in 1.39."""

HOST = "/host"
"""Where a pod on a node has the node's files."""

_ADDED_CAPABILITIES = {"general": ["SYS_PTRACE"], "netadmin": ["NET_ADMIN", "NET_RAW"]}
_RESTRICTED: dict[str, Any] = {
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "allowPrivilegeEscalation": False,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def ephemeral_container(
    name: str,
    image: str,
    *,
    profile: str,
    target: str = "",
    command: Sequence[str] = (),
    stdin: bool = False,
) -> dict[str, Any]:
    """An ephemeral container; with `target` it is in that container's process namespace."""
    made = _debugger(name, image, command, stdin=stdin)
    _secure(made, profile)
    if target:
        made["targetContainerName"] = target
    return made


def pod_copy(
    pod: Mapping[str, Any],
    name: str,
    *,
    profile: str,
    container: str,
    image: str = "",
    images: Mapping[str, str] | None = None,
    command: Sequence[str] = (),
    stdin: bool = False,
    same_node: bool = False,
) -> dict[str, Any]:
    """A copy of a pod (its JSON) as `--copy-to --share-processes` makes it: without labels, owners, probes.

    `container` is the one that is added, or an existing one, init containers too, whose `command` and
    `image` are replaced. `images` are those of other containers (`*`: all that are not named), as
    --set-image takes them: init containers keep theirs. Probes of init containers stay, as in kubectl.
    """
    metadata = {"name": name, "namespace": _object(pod.get("metadata")).get("namespace", "")}
    spec: dict[str, Any] = copy.deepcopy(_object(pod.get("spec")))
    spec.pop("ephemeralContainers", None)
    if not same_node:
        spec.pop("nodeName", None)
    for one in _containers(spec, "containers"):
        for probe in _PROBES:
            one.pop(probe, None)
        if images:
            one["image"] = images.get(one["name"], images.get("*", one.get("image", "")))
    _put_in(spec, container, image, command, profile, stdin=stdin)
    spec["shareProcessNamespace"] = True
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def node_pod(
    node: str,
    name: str,
    namespace: str,
    image: str,
    *,
    profile: str,
    command: Sequence[str] = (),
    stdin: bool = False,
) -> dict[str, Any]:
    """A pod on a node: of profiles general and sysadmin with the node's namespaces and its files at /host."""
    debugger = _debugger("debugger", image, command, stdin=stdin)
    spec: dict[str, Any] = {
        "containers": [debugger],
        "nodeName": node,
        "restartPolicy": "Never",
        "tolerations": [{"operator": "Exists"}],
    }
    if profile not in ("baseline", "restricted"):
        spec |= {"hostNetwork": True, "hostPID": True, "hostIPC": True}
    if profile in ("general", "sysadmin"):
        debugger["volumeMounts"] = [{"name": "host-root", "mountPath": HOST}]
        spec["volumes"] = [{"name": "host-root", "hostPath": {"path": "/"}}]
    if profile != "general":
        _secure(debugger, profile)
    labels = {"app.kubernetes.io/managed-by": "kubectl-debug"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _object(value: Any) -> dict[str, Any]:
    """A field that should be an object; what the server sent may be anything."""
    return value if isinstance(value, dict) else {}


def _containers(spec: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    found = spec.get(field)
    return (
        [one for one in found if isinstance(one, dict) and "name" in one] if isinstance(found, list) else []
    )


def _debugger(name: str, image: str, command: Sequence[str], *, stdin: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "image": image, "terminationMessagePolicy": "File"}
    if command:
        made["command"] = list(command)
    if stdin:
        made |= {"stdin": True, "tty": True}
    return made


def _put_in(
    spec: dict[str, Any], container: str, image: str, command: Sequence[str], profile: str, *, stdin: bool
) -> None:
    known = [*_containers(spec, "containers"), *_containers(spec, "initContainers")]
    found = next((one for one in known if one["name"] == container), None)
    if found is None:
        found = _debugger(container, image, (), stdin=stdin)
        spec["containers"] = [*_containers(spec, "containers"), found]
    elif image:
        found["image"] = image
    if command:
        found["command"] = list(command)
        found.pop("args", None)
    if stdin:
        found |= {"stdin": True, "tty": True}
    _secure(found, profile)


def _secure(container: dict[str, Any], profile: str) -> None:
    """What a profile makes of a container's securityContext; what was there before counts in some."""
    if profile == "baseline":
        container.pop("securityContext", None)
        return
    if profile == "restricted":
        container["securityContext"] = copy.deepcopy(_RESTRICTED)
        return
    context = container["securityContext"] = _object(container.get("securityContext"))
    if profile == "sysadmin":
        context["privileged"] = True
    if added := _ADDED_CAPABILITIES.get(profile):
        capabilities = context["capabilities"] = _object(context.get("capabilities"))
        before = capabilities.get("add")
        capabilities["add"] = [*(before if isinstance(before, list) else ()), *added]
