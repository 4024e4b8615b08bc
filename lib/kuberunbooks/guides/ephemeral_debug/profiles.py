"""RP-20: which debugging profiles the namespace's Pod Security level lets through, and what each gives."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.acting import PodSecurity
from kuberunbooks.acting.pod_security import Place
from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Evidence

from ..rules.debug_manifests import PROFILES
from ..step import NotChecked, Yielded, step
from .target import Debugging

_GIVES = {
    "general": "SYS_PTRACE; on a node its namespaces and files",
    "baseline": "nothing; on a node its own namespaces, no files",
    "restricted": "less: not as root, no capabilities; on a node its own namespaces, no files",
    "netadmin": "NET_ADMIN and NET_RAW; on a node its namespaces, no files",
    "sysadmin": "privileged; on a node its namespaces and files",
}


@step("RP-20", title="Which profile does the namespace allow?")
def profiles(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """What does each profile give, and which does the namespace's Pod Security level let through?"""
    if target.missing:
        yield NotChecked("There is nothing to debug.")
        return
    yield _table(target)
    where: Place = (
        "node" if target.way == "node" else "copy" if target.way.startswith("copy") else "container"
    )
    if where == "node":
        return  # judged where the node shell is
    wanted = dict.fromkeys([one for one in (target.option("profile"), _for_capture(target)) if one])
    for profile in wanted:
        security = target.security(profile, where)
        if security.fits is False:
            yield blocked(target, profile, security)


def _for_capture(target: Debugging) -> str:
    return "netadmin" if target.options.get("capture_seconds") else ""


def blocked(target: Debugging, profile: str, security: PodSecurity) -> Finding:
    """DebugProfileBlocked, foretold from the namespace's label: an exemption may let it through."""
    fitting = [one for one in PROFILES if target.security(one, "container").fits]
    return finding(
        "DebugProfileBlocked",
        target.subject,
        likely=True,
        evidence=Evidence(
            f"api/v1/namespaces#{target.place}",
            "metadata.labels['pod-security.kubernetes.io/enforce']",
            security.enforced,
        ),
        profile=profile,
        level=security.enforced,
        place=target.place,
        fitting=fitting,
        message="",
    )


def _table(target: Debugging) -> Table:
    rows = []
    for one in PROFILES:
        inside, node = target.security(one, "container"), target.security(one, "node")
        rows.append([one, _GIVES[one], _word(inside), _word(node), "used" if one == target.profile else ""])
    level = target.security("general", "container")
    named = (level.enforced or "none set") if level.known else "not known"
    return Table(
        caption=f"Profiles of kubectl debug; Pod Security level of namespace {target.place}: {named}",
        columns=[Column(name=name) for name in ("profile", "gives", "in a pod", "on a node", "here")],
        rows=rows,
    )


def _word(security: PodSecurity) -> str:
    return {True: "allowed", False: "refused", None: "not known"}[security.fits]
