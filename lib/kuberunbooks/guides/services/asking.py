"""Asks from inside the cluster, where that is allowed; elsewhere says what would be asked.

What is heard joins the transcripts of the run before any step judges them: the same rules decide, and the
run's case replays the verdict. The client asks itself, by exec, as far as its image has the tools; a probe
pod, made and removed again, asks the rest. Everything is planned before it is done (rights, dry run, Pod
Security), bounded in number, and ends in time for the cell it runs in. Called by `client_pod`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kuberunbooks.acting import Action, Actor, Planned, fresh_name, run_command
from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, Forbidden
from kuberunbooks.findings import Note, Table
from kuberunbooks.objects import Pod

from ..rules.planned_actions import planned_actions
from ..rules.resolv_conf import cluster_domain_of, read_resolv_conf
from .dns_names import DEFAULT_DOMAIN
from .probe import CONTAINER, IMAGE, NAME, could_not_run, held_back, is_decided, is_running, probe_pod
from .questions import (
    MOST_SERVICES,
    NOBODY,
    RESOLV_CONF,
    Question,
    asked_about,
    key_of,
    lookups_of,
    requests_of,
    resolver,
    self_calls,
    ways,
    without_nslookup,
)
from .target import Services
from .transcripts import answers

_ASKED = "asked"
_BUDGET = 90.0
"""Seconds for all of it: a headless run gives a cell 120."""
_START = 45.0
"""Seconds a probe pod has to pull its image and run."""
_MOST_BYTES = 64 * 1024
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


class _Place(NamedTuple):
    """A container that commands are run in."""

    namespace: str
    pod: str
    container: str

    def action(self, question: Question) -> Action:
        """The question as a command in this container."""
        return run_command(
            self.namespace,
            self.pod,
            self.container,
            list(question.argv),
            words=question.words,
            seconds=question.seconds,
            most_bytes=_MOST_BYTES,
        )


def ask(target: Services, cluster: Cluster) -> Iterator[Table | Note]:
    """Asks once a run, with an actor; without one the plan, unless somebody has asked already."""
    if not target.backings:
        return
    if cluster.actor is None:
        if not any(one.target.pod for one in cluster.transcripts()):
            yield planned_actions(_by_hand(target), "What can be asked from inside the cluster")
            yield Note(
                text="Lookups and requests are checked with allow_actions=true on a live cluster, which runs "
                "these, or when you give their output as transcripts."
            )
    elif _ASKED not in target.memo:
        target.memo[_ASKED] = True
        yield from _Asking(target, cluster, cluster.actor).everything()


def _by_hand(target: Services) -> Iterator[Action]:
    place = _place(target.client)
    if place is None:
        namespace = _home(target)
        yield probe_pod(NAME, namespace, _image(target), _node(target))
        place = _Place(namespace, NAME, CONTAINER)
    yield from map(place.action, _questions(target, DEFAULT_DOMAIN))
    for way in ways(target):
        if (calls := self_calls(way)) is not None and (own := _place(calls[0])) is not None:
            yield own.action(calls[1])


def _questions(target: Services, domain: str) -> list[Question]:
    requests = [one for way in ways(target) for one in requests_of(way)]
    return [resolver(), *requests, *lookups_of(asked_about(target), domain)]


def _place(pod: Pod | None) -> _Place | None:
    """The container kubectl exec would take; None for a pod in which it does not run."""
    if pod is None or not pod.spec.containers or pod.metadata.deletion_timestamp is not None:
        return None
    named = pod.metadata.annotations.get(_DEFAULT_CONTAINER, "")
    names = [one.name for one in pod.spec.containers]
    container = named if named in names else names[0]
    running = any(
        one.name == container and one.state.running is not None for one in pod.status.container_statuses
    )
    return _Place(pod.namespace, pod.name, container) if running else None


def _home(target: Services) -> str:
    """The namespace a probe asks from: the client's, else the Service's."""
    return target.client.namespace if target.client is not None else target.services[0].namespace


def _node(target: Services) -> str:
    return target.client.spec.node_name if target.client is not None else ""


def _image(target: Services) -> str:
    return str(target.options.get("probe_image") or "").strip() or IMAGE


class _Asking:
    """Everything that is asked in one run."""

    def __init__(self, target: Services, cluster: Cluster, actor: Actor) -> None:
        self._target, self._cluster, self._actor = target, cluster, actor
        self._until = time.monotonic() + _BUDGET
        self._domain = DEFAULT_DOMAIN
        self._lacking: dict[_Place, set[str]] = {}
        self._late: list[str] = []
        self._stopped = ""

    def everything(self) -> Iterator[Table | Note]:
        """The client asks, a probe the rest, and the pods behind the Services themselves."""
        yield from self._limits()
        left = _questions(self._target, self._domain)
        client = _place(self._target.client)
        if client is not None:
            plans = self._planned(client, left)
            yield planned_actions(
                [plan for _, plan in plans], f"What is asked in pod {client.namespace}/{client.pod}"
            )
            left = self._ask(client, plans)
        if left and not self._stopped:
            yield from self._from_probe(left)
        if not self._stopped:
            yield from self._self_calls()
        yield from self._unasked()

    def _limits(self) -> Iterator[Note]:
        number = len(self._target.backings)
        if number > MOST_SERVICES:
            names = ", ".join(one.service.name for one in asked_about(self._target))
            yield Note(
                text=f"Of {number} Services only {names} were asked about; another must be named as target."
            )
        asked = {key_of(way.backing) for way in ways(self._target)}
        for one in asked_about(self._target):
            if key_of(one) not in asked and one.service.spec.ports and not one.service.is_external_name:
                yield Note(
                    text=f"No port of Service {one.service.name} says that it speaks HTTP, and other servers "
                    "mind a request: only its name was looked up."
                )

    def _planned(self, place: _Place, questions: Iterable[Question]) -> list[tuple[Question, Planned]]:
        return [(one, self._actor.plan(place.action(one))) for one in questions]

    def _ask(self, place: _Place, plans: list[tuple[Question, Planned]]) -> list[Question]:
        """Asks there; what could not be asked comes back."""
        return [question for question, plan in plans if not self._asked(place, question, plan)]

    def _asked(self, place: _Place, question: Question, plan: Planned) -> bool:
        lacking = self._lacking.setdefault(place, set())
        ending = f".svc.{DEFAULT_DOMAIN}"
        if self._domain != DEFAULT_DOMAIN and question.argv[-1].endswith(ending):
            name = f"{question.argv[-1].removesuffix(ending)}.svc.{self._domain}"
            question = question._replace(argv=(*question.argv[:-1], name))
            plan = self._actor.plan(place.action(question))
        if question.tool not in lacking:
            if self._perform(question, plan):
                return True
            lacking.add(question.tool)
        if question.tool != "nslookup" or "getent" in lacking or self._stopped:
            return False
        other = without_nslookup(question)
        if self._perform(other, self._actor.plan(place.action(other))):
            return True
        lacking.add(other.tool)
        return False

    def _perform(self, question: Question, plan: Planned) -> bool:
        """Whether it was asked, or no time is left to ask it; False where the container cannot."""
        if self._stopped:
            return False
        if not plan.allowed:
            self._stopped = f"{plan.refusals[0].what}: {plan.refusals[0].why}"
            return False
        for _ in range(question.times):
            if time.monotonic() + question.seconds > self._until:
                self._late.append(question.words)
                return True
            try:
                heard = self._actor.perform(plan).transcript
            except ClusterError as error:
                self._cluster.note_failure(error, "create pods/exec", plan.action.namespace)
                self._stopped = str(error) if isinstance(error, Forbidden) else ""
                return False
            if heard is None or could_not_run(heard):
                return False
            if question.argv == RESOLV_CONF and (conf := read_resolv_conf(heard.stdout)) is not None:
                self._domain = cluster_domain_of(conf.search) or self._domain
        return True

    def _from_probe(self, left: list[Question]) -> Iterator[Table | Note]:
        namespace = _home(self._target)
        why, open_to = held_back(self._cluster, namespace, asked_about(self._target))
        if why:
            yield Note(text=f"No probe pod was made: {why}, so its answers would say nothing of the Service.")
            return
        reachable = {NOBODY, *map(key_of, open_to)}
        if barred := sorted({one.service[1] for one in left} - {name for _, name in reachable}):
            yield Note(
                text=f"No request was sent to {', '.join(barred)}: its network policies may keep a probe pod "
                "out, whose failures then say nothing. Name a pod that may ask, with curl in it, as client."
            )
        questions = [one for one in left if one.service in reachable]
        name = fresh_name(NAME)
        making = self._actor.plan(probe_pod(name, namespace, _image(self._target), _node(self._target)))
        place = _Place(namespace, name, CONTAINER)
        plans = self._planned(place, questions) if making.allowed else []
        rows: list[Action | Planned] = [making, *(plan for _, plan in plans)]
        yield planned_actions(rows, f"What is asked in a probe pod in namespace {namespace}")
        if not making.allowed:
            refusal = making.refusals[0]
            self._stopped = f"the probe pod is refused ({refusal.what}: {refusal.why})"
        elif all(plan.allowed for _, plan in plans):
            yield from self._borrow(making, place, plans)
        else:
            self._stopped = "commands may not be run in pods there"

    def _borrow(
        self, making: Planned, place: _Place, plans: list[tuple[Question, Planned]]
    ) -> Iterator[Note]:
        """Nothing is yielded while the pod is there: it goes with the block, whatever the reader does."""
        unasked: list[Question] = []
        try:
            with self._actor.borrowed(making):
                seconds = min(_START, max(0.0, self._until - time.monotonic()))
                pod = self._actor.wait(place.namespace, place.pod, is_decided, seconds)
                if is_running(pod):
                    unasked = self._ask(place, plans)
        except ClusterError as error:
            self._cluster.note_failure(error, "create pods", place.namespace)
            yield Note(text=f"The probe pod could not be used: {error}")
        if tools := sorted({one.tool for one in unasked}):
            image = _image(self._target)
            yield Note(text=f"Image {image} lacks {', '.join(tools)}: give another as probe_image.")

    def _self_calls(self) -> Iterator[Table | Note]:
        """Only where others are answered: else it says nothing of the way back."""
        for way in ways(self._target):
            calls, behind = self_calls(way), {pod.name for pod in way.backing.pods}
            heard = [
                one
                for one in answers(self._cluster)
                if one.host in way.service.addresses and one.transcript.target.pod not in behind
            ]
            place = _place(calls[0]) if calls is not None else None
            if calls is None or place is None or not any(one.outcome == "answered" for one in heard):
                continue
            plans = self._planned(place, [calls[1]])
            yield planned_actions([plans[0][1]], f"What is asked in pod {place.namespace}/{place.pod}")
            if self._ask(place, plans) and not self._stopped:
                yield Note(
                    text=f"Pod {place.pod} has no curl: whether it reaches itself through the Service was "
                    "not asked."
                )

    def _unasked(self) -> Iterator[Note]:
        if self._stopped:
            yield Note(text=f"Not everything was asked: {self._stopped}")
        if self._late:
            yield Note(text=f"No time was left ({_BUDGET:g} s) to {'; to '.join(dict.fromkeys(self._late))}.")
            self._cluster.coverage.truncate("what was asked from inside the cluster: its time was over")
