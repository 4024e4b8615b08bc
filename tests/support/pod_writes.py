"""What a test API server does when it is written to: pods are made, patched and deleted.

Made pods stand beside those of the case from then on, in lists and single reads. They run at once, unless
the test's `becomes` says otherwise:

    def becomes(pod):                                  # called for a new pod, and after a patch
        pod["status"] = {"phase": "Pending", ...}
    with serve_case(folder, becomes=becomes) as server: ...
    server.writes.made                                 # names, in order; .deleted likewise

A dry run goes through the same checks and changes nothing. Pod Security is checked for the namespaces of
`enforce={"shop": "restricted"}`, in the admission plugin's words, as far as debugging profiles reach:
host namespaces, hostPath, privileged, added capabilities; and what restricted asks of every container.
Used by api_server.py only.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Any

from tests.support.case_files import CaseFiles, NotServed

Pod = dict[str, Any]
_BASELINE_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
_STATUSES = {
    "containers": "containerStatuses",
    "initContainers": "initContainerStatuses",
    "ephemeralContainers": "ephemeralContainerStatuses",
}


class PodWrites:
    """The writes of one test server."""

    def __init__(
        self,
        files: CaseFiles,
        now: Callable[[], datetime],
        *,
        enforce: dict[str, str] | None = None,
        becomes: Callable[[Pod], None] | None = None,
        warns: str = "",
    ) -> None:
        self.made: list[str] = []
        self.deleted: list[str] = []
        self.warns = warns
        self._files = files
        self._now = now
        self._enforce = enforce or {}
        self._becomes = becomes or self.runs
        self._lock = Lock()
        files.enforced = self._enforce

    def create(self, namespace: str, pod: Pod, *, trial: bool) -> Pod:
        """POST pods."""
        name = pod["metadata"]["name"]
        with self._lock:
            if self.find(namespace, name) is not None:
                raise NotServed(409, "AlreadyExists", f'pods "{name}" already exists', name=name)
            self._check(namespace, name, pod)
            pod = copy.deepcopy(pod)
            at = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
            pod["metadata"] |= {"namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": at}
            self._becomes(pod)
            if not trial:
                self._files.pods_changed[namespace, name] = pod
                self.made.append(name)
        return pod

    def add_ephemeral(self, namespace: str, name: str, patch: Pod, *, trial: bool) -> Pod:
        """PATCH pods/ephemeralcontainers: new ones are added, old ones cannot be changed."""
        with self._lock:
            pod = copy.deepcopy(self._existing(namespace, name))
            if "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {}):
                said = f'Pod "{name}" is invalid: Forbidden: static pods do not support ephemeral containers'
                raise NotServed(422, "Invalid", said, name=name)
            held = pod["spec"].setdefault("ephemeralContainers", [])
            for one in patch["spec"]["ephemeralContainers"]:
                if any(known["name"] == one["name"] for known in held):
                    said = f'Pod "{name}" is invalid: existing ephemeral containers may not be changed'
                    raise NotServed(422, "Invalid", said, name=name)
                held.append(one)
            self._check(namespace, name, pod)
            self._becomes(pod)
            if not trial:
                self._files.pods_changed[namespace, name] = pod
        return pod

    def delete(self, namespace: str, name: str, options: dict[str, Any]) -> Pod:
        """DELETE pods/NAME, at once."""
        with self._lock:
            pod = self._existing(namespace, name)
            wanted = (options.get("preconditions") or {}).get("uid")
            if wanted and wanted != pod["metadata"]["uid"]:
                said = f"Precondition failed: UID in precondition: {wanted}, in object meta: another"
                raise NotServed(409, "Conflict", said, name=name)
            self._files.pods_changed[namespace, name] = None
            self.deleted.append(name)
        return pod

    def find(self, namespace: str, name: str) -> Pod | None:
        """A pod as it is now, or None."""
        try:
            body, _ = self._files.answer(f"api/v1/namespaces/{namespace}/pods/{name}", {}, 1_000_000)
        except NotServed:
            return None
        found: Pod = json.loads(body)
        return found

    def runs(self, pod: Pod) -> None:
        """Gives a pod the status of one that runs, and new containers that of running ones."""
        status = pod.setdefault("status", {})
        status.setdefault("phase", "Running")
        at = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        for place, statuses in _STATUSES.items():
            known = {one["name"] for one in status.get(statuses) or []}
            for one in pod["spec"].get(place) or []:
                if one["name"] not in known:
                    state = {"running": {"startedAt": at}}
                    new = {"name": one["name"], "image": one.get("image", ""), "state": state, "ready": True}
                    new |= {"restartCount": 0, "started": True, "imageID": "", "lastState": {}}
                    status.setdefault(statuses, []).append(new)

    def _existing(self, namespace: str, name: str) -> Pod:
        found = self.find(namespace, name)
        if found is None:
            raise NotServed(404, "NotFound", f'pods "{name}" not found', name=name)
        return found

    def _check(self, namespace: str, name: str, pod: Pod) -> None:
        level = self._enforce.get(namespace, "privileged")
        violated = _violations(pod["spec"], level)
        if violated:
            said = f'pods "{name}" is forbidden: violates PodSecurity "{level}:latest": {", ".join(violated)}'
            raise NotServed(403, "Forbidden", said, name=name)


def _violations(spec: Pod, level: str) -> list[str]:
    if level == "privileged":
        return []
    found: list[str] = []
    host = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    found += [f"host namespaces ({', '.join(host)})"] if host else []
    paths = [f'"{one["name"]}"' for one in spec.get("volumes") or [] if "hostPath" in one]
    found += [f"hostPath volumes (volume {', '.join(paths)})"] if paths else []
    for one in [each for place in _STATUSES for each in spec.get(place) or []]:
        context, who = one.get("securityContext") or {}, f'container "{one["name"]}"'
        if context.get("privileged"):
            found.append(f"privileged ({who} must not set securityContext.privileged=true)")
        added = set((context.get("capabilities") or {}).get("add") or ()) - _BASELINE_CAPABILITIES
        if added:
            names = ", ".join(f'"{cap}"' for cap in sorted(added))
            found.append(
                f"non-default capabilities ({who} must not include {names} in "
                "securityContext.capabilities.add)"
            )
        if level == "restricted":
            found += _unrestricted(context, spec.get("securityContext") or {}, who)
    return found


def _unrestricted(context: Pod, whole: Pod, who: str) -> list[str]:
    found = []
    if context.get("allowPrivilegeEscalation") is not False:
        found.append(
            f"allowPrivilegeEscalation != false ({who} must set "
            "securityContext.allowPrivilegeEscalation=false)"
        )
    if "ALL" not in ((context.get("capabilities") or {}).get("drop") or ()):
        found.append(f'unrestricted capabilities ({who} must set securityContext.capabilities.drop=["ALL"])')
    if not context.get("runAsNonRoot", whole.get("runAsNonRoot")):
        found.append(f"runAsNonRoot != true (pod or {who} must set securityContext.runAsNonRoot=true)")
    profile = (context.get("seccompProfile") or whole.get("seccompProfile") or {}).get("type")
    if profile not in ("RuntimeDefault", "Localhost"):
        found.append(
            f"seccompProfile (pod or {who} must set securityContext.seccompProfile.type to "
            '"RuntimeDefault" or "Localhost")'
        )
    return found
