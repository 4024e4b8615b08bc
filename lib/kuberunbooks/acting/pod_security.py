"""Which Pod Security level a debugging profile needs, and which a namespace enforces.

The levels are those of kubernetes.io, "Pod Security Standards"; what each profile puts into a pod is that
of kubectl debug (kubectl, pkg/cmd/debug/profiles.go). A namespace may be exempted by the API server's
configuration, which nobody can read: so this foretells, and the dry run decides. Pure functions, called
by the actor and by guides that have no cluster but a case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Level = Literal["privileged", "baseline", "restricted"]
Place = Literal["container", "copy", "node"]
"""What the profile is used for: an ephemeral container, a copy of a pod, a pod on a node."""

ENFORCE = "pod-security.kubernetes.io/enforce"
_STRICTNESS: dict[str, int] = {"privileged": 0, "baseline": 1, "restricted": 2}

# The least strict level that lets the profile's additions through. Baseline forbids every added
# capability of general (SYS_PTRACE), netadmin and sysadmin, and host namespaces and hostPath.
_ALLOWED_UP_TO: dict[str, Level] = {
    "legacy": "baseline",
    "general": "privileged",
    "baseline": "baseline",
    "restricted": "restricted",
    "netadmin": "privileged",
    "sysadmin": "privileged",
}


class PodSecurity(NamedTuple):
    """What a namespace enforces (empty: it has no label), and up to which level the profile is let through.

    `known` False: the namespace could not be read.
    """

    namespace: str
    enforced: str
    allowed_up_to: Level
    known: bool = True

    @property
    def fits(self) -> bool | None:
        """Whether the profile passes what the namespace's label says; None when that is unknown."""
        if not self.known:
            return None
        # An unlabelled namespace has the cluster's default: privileged, unless it was configured.
        enforced = _STRICTNESS.get(self.enforced or "privileged")
        return None if enforced is None else enforced <= _STRICTNESS[self.allowed_up_to]


def allowed_up_to(profile: str, place: Place) -> Level:
    """The strictest level under which a profile's own additions pass; a copy's old fields come on top."""
    if place == "node" and profile in ("", "legacy", "general"):
        return "privileged"  # host namespaces and the node's files
    return _ALLOWED_UP_TO.get(profile or "legacy", "privileged")


def pod_security(namespace: str, labels: Mapping[str, str] | None, profile: str, place: Place) -> PodSecurity:
    """A namespace's `labels` (None: not known) judged against a profile."""
    enforced = (labels or {}).get(ENFORCE, "")
    return PodSecurity(namespace, enforced, allowed_up_to(profile, place), known=labels is not None)
