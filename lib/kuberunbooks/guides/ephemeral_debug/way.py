"""RP-13: which way into it is the right one, before anything is done; a command in the container."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Evidence, Pod

from ..pods.missing import missing_findings
from ..rules.debug_choice import WORDS, choose
from ..rules.debug_commands import Debug, twin
from ..step import Yielded, step
from .acts import excerpts, run_in
from .situation import situation_of
from .target import Debugging


@step("RP-13", title="Which is the right way into it?")
def way(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """A command in it, a debug container, a copy, or a shell on its node: which one fits its state?"""
    if target.missing:
        yield from missing_findings(target.behind)
        if target.behind.roots and not target.behind.missing:
            yield _no_pods(target)
        return
    names = (
        {one.name for one in (*target.pods[0].spec.containers, *target.pods[0].spec.init_containers)}
        if target.pod
        else set()
    )
    wanted = target.option("container")
    if target.pod is not None and wanted not in ("", "*") and wanted not in names:
        yield Note(
            text=f"Pod {target.pod.name} has no container {wanted}; it has {', '.join(sorted(names))}."
        )
    _try_shell(target, cluster)
    yield _recommended(target) if target.choice.way else _none(target)
    yield _table(target)
    if target.choice.way == "exec" == target.way and target.command and target.pod is not None:
        inside = target.situation.debugger or target.container
        ran = run_in(target.pod.name, inside, target.command, target, cluster)
        yield from excerpts([ran] if ran is not None else [])


def _no_pods(target: Debugging) -> Finding:
    roots = target.behind.roots
    return finding(
        "DebugNotPossible",
        roots[0],
        evidence=Evidence(f"{Pod.api.path(target.namespace)}", "items", "none of it"),
        reason="no pods",
        cause="",
        node="",
        target_text=roots[0].kind_name,
    )


def _try_shell(target: Debugging, cluster: Cluster) -> None:
    """Where nothing tells of a shell, one is asked to do nothing: the answer decides."""
    if target.pod is None or target.choice.reason != "shell unknown" or cluster.actor is None:
        return
    if run_in(target.pod.name, target.container, ("sh", "-c", "exit 0"), target, cluster) is not None:
        target.situation = situation_of(target, cluster)
        target.choice = choose(target.situation)


def _recommended(target: Debugging) -> Finding:
    choice, now = target.choice, target.situation
    return finding(
        "DebugWayRecommended",
        target.pod or target.subject,
        container=target.container if now.container else "",
        evidence=_evidence(target),
        since=target.causes[0].since if target.causes else None,
        likely=choice.likely,
        way=choice.way,
        reason=choice.reason,
        shell=now.shell.why,
        shell_likely=now.shell.likely,
        cause=target.causes[0].summary if target.causes else "",
        cautions=list(choice.cautions),
        argv=list(twin(choice.way, debug_of(choice.way, target))),
        next_argv=_next(target),
        debugger=now.debugger,
        image=target.image,
        profile=target.profile,
        enforced=target.security(target.profile, "container").enforced,
        own_command=_own_command(target),
        node=target.node_name,
        runtime=target.node.status.node_info.container_runtime_version if target.node else "",
        copy=target.debug().copy,
        chosen=target.option("way"),
        init=now.role == "init",
    )


def debug_of(one: str, target: Debugging) -> Debug:
    """What the command of a way is about, as it is to be typed."""
    debug = target.debug()
    if one == "exec":
        if target.about_node or target.situation.place in ("node sick", "node"):
            shell = target.situation.debugger
            return debug._replace(
                pod=shell, container="debugger", command=debug.command or ("chroot", "/host", "sh")
            )
        shell_of = ("cmd",) if target.situation.windows else ("sh",)
        return debug._replace(
            container=target.situation.debugger or target.container, command=debug.command or shell_of
        )
    if one == "copy-image":
        name = "*" if target.option("container") == "*" else target.container
        own = bool(target.option("image"))
        # The image somebody names is a version of the program; the one for debugging has nothing to start.
        return debug._replace(
            container=name, command=debug.command or (() if own or name == "*" else ("sh",))
        )
    return debug


def _next(target: Debugging) -> list[str]:
    """What to try when the first try fails: there was no shell after all."""
    if (
        target.choice.way == "exec"
        and target.choice.reason in ("shell", "shell unknown")
        and target.choice.likely
    ):
        if not target.situation.static:
            return list(twin("ephemeral", target.debug()))
        return list(twin("node", target.debug()))
    return []


def _own_command(target: Debugging) -> list[str]:
    pod = target.pod
    if pod is None:
        return []
    specs = (*pod.spec.containers, *pod.spec.init_containers)
    spec = next((one for one in specs if one.name == target.container), None)
    return [*spec.command, *spec.args] if spec is not None and spec.command else []


def _evidence(target: Debugging) -> list[Evidence]:
    cited = list(target.situation.shell.evidence)
    if target.causes:
        cited += target.causes[0].evidence[:2]
    if target.about_node and target.node is not None:
        cited.append(target.node.cite("metadata.name"))
    elif target.pod is not None:
        cited.append(target.pod.cite("status.phase"))
    return cited


def _none(target: Debugging) -> Finding:
    return finding(
        "DebugNotPossible",
        target.pod or target.subject,
        container=target.container,
        evidence=_evidence(target),
        reason=target.choice.reason,
        cause=target.causes[0].summary if target.causes else "",
        node=target.node_name,
        target_text=target.subject.text,
    )


def _table(target: Debugging) -> Table:
    choice = target.choice
    rows = []
    if choice.way:
        argv = twin(choice.way, debug_of(choice.way, target))
        rows.append([WORDS[choice.way], "recommended", "", _line(argv)])
    for one in choice.others:
        argv = twin(one.way, debug_of(one.way, target)) if one.possible else ()
        rows.append([WORDS[one.way], "possible" if one.possible else "no", one.why, _line(argv)])
    return Table(
        caption="The ways there are",
        columns=[Column(name=name) for name in ("way", "here", "why not", "command")],
        rows=rows,
    )


def _line(argv: tuple[str, ...]) -> str:
    return shlex.join(argv)
