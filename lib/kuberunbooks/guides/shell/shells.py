"""SH-03: is there a shell, and do commands get through at all?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod

from ..pods.target import Pods
from ..rules.container_exec import Outcome
from ..rules.container_inside import Heard, Inside
from ..step import NotChecked, Yielded, step
from .asking import ask_inside, is_windows, not_tried
from .choice import UPSTREAM
from .target import chosen, insides, pod_of


@step("SH-03", title="Is there a shell?", upstream=f"{UPSTREAM}#getting-a-shell-to-a-container")
def shells(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Do commands get into the container, and is there a shell to run them?"""
    yield from ask_inside(target, cluster)
    heard = insides(target, cluster)
    found = False
    for one in heard:
        for item in _judge(one, pod_of(target, one)):
            found = True
            yield item
    choice = chosen(target)
    if choice is None or choice.spec is None:
        if not found:
            yield NotChecked(
                "No pod was named, and nothing was run in one: name one with the parameter target."
            )
        return
    tried = any(one.key == choice.key and (one.shells or one.commands) for one in heard)
    if choice.runs and not tried:
        yield not_tried(choice)
    elif not tried and not found:
        yield NotChecked(f"Container {choice.name} does not run: no command can be run in it.")


def _judge(one: Inside, pod: Pod) -> Iterator[Finding]:
    """The newest word on each: commands that got through prove that exec works, whatever failed before."""
    ran = [each for each in one.shells if each.value.kind in ("ran", "failed", "cut")]
    absent = [each for each in one.shells if each.value.kind == "absent"]
    if ran:
        yield _available(one, pod, ran[-1])
    elif absent:
        yield finding(
            "ShellMissing",
            pod,
            container=one.key[2],
            evidence=[each.cite(each.value.why) for each in absent],
            tried=list(dict.fromkeys(each.source.argv[0] for each in absent)),
            runs=True,
            tools=[each.source.argv[0] for each in one.commands if each.value.kind == "ran"][:3],
        )
    stopped = [each for each in one.commands if each.value.kind in ("forbidden", "unreached")]
    if stopped and stopped[-1] is one.commands[-1]:
        yield _stopped(one, pod, stopped[-1])


def _available(one: Inside, pod: Pod, seen: Heard[Outcome]) -> Finding:
    return finding(
        "ShellAvailable",
        pod,
        container=one.key[2],
        evidence=seen.cite(""),
        shell=seen.source.argv[0],
        system=one.system.value if one.system is not None else "",
        tools=one.tools.value if one.tools is not None else [],
        windows=is_windows(pod),
    )


def _stopped(one: Inside, pod: Pod, seen: Heard[Outcome]) -> Finding:
    kubelet = any(
        word in seen.value.why for word in ("10250", "dialing backend", "upgrade connection", "No agent")
    )
    if seen.value.kind == "forbidden":
        return finding(
            "ExecForbidden", pod, container=one.key[2], evidence=seen.cite(seen.value.why), why=seen.value.why
        )
    return finding(
        "ExecStreamFailed",
        pod,
        container=one.key[2],
        evidence=seen.cite(seen.value.why),
        why=seen.value.why,
        kubelet=kubelet,
        node=pod.spec.node_name,
    )
