"""Asking a Prometheus: found in the cluster and reached through the API server, or at an address.

What was asked is named after the question and not after the time, so that a case recorded
while it was asked answers the same questions later. Its own health is judged by the same
answers: does it answer, and how much does it scrape.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, Forbidden
from kuberunbooks.objects import Container, Pod, Service, ServicePort

from ..resource_metrics.target import Measured
from ..rules.prometheus_answers import Series, series, values
from .known_tools import ALERTMANAGER, ANSWERING, VICTORIA, Tool, Tools, tool_container
from .questions import Question, Window

_MEMO = "prometheus"
_ELSEWHERE = "prometheus/elsewhere"
_MOST_ASKED = 3
_WEB_PORTS = ("http-web", "web", "http", "https", "https-web", "http-query", "http-metrics")
_WEB_NUMBERS = (9090, 80, 443, 9091, 10902, 8428, 8481, 9093)
_DIGEST = 12
_PATIENCE = "20s"
_UP = Question("up", 'count_values("up", up)')


class Unanswered(NamedTuple):
    """A Prometheus that gave no answer: which, and why in one clause."""

    where: str
    why: str


class Prometheus:
    """A server that answers PromQL. `where` names it: `monitoring/prometheus-k8s:9090`, or host and port.

    `root` is its path at the API server, with a slash at both ends; empty when it is asked directly.
    """

    def __init__(
        self, where: str, get: Callable[[str, str, list[tuple[str, str]]], bytes], root: str = ""
    ) -> None:
        self.where = where
        self.root = root
        self._get = get

    def over_time(self, question: Question, window: Window) -> list[Series]:
        """The series of an expression over the window. Raises ClusterError."""
        query = [
            ("query", question.expression),
            ("start", f"{window.start.timestamp():.3f}"),
            ("end", f"{window.end.timestamp():.3f}"),
            ("step", str(window.step)),
            ("timeout", _PATIENCE),
        ]
        # The range of its rates depends on the window, which is no part of the question.
        lasting = question._replace(expression=question.expression.replace(f"[{window.rate}]", "[]"))
        return series(self._get(_name(lasting), "api/v1/query_range", query))

    def now(self, question: Question) -> list[Series]:
        """The values of an expression as it is evaluated now. Raises ClusterError."""
        return values(self._get(_name(question), "api/v1/query", [("query", question.expression)]))

    def get(self, name: str, path: str, query: list[tuple[str, str]] | None = None) -> bytes:
        """Any other answer (`api/v1/alerts`). Raises ClusterError."""
        return self._get(name, path, query or [])


class Reach(NamedTuple):
    """The Prometheus that answers, if any; those that gave no answer; and how many targets it scrapes.

    `up` and `down` count what it scrapes with and without success.
    """

    prometheus: Prometheus | None
    unanswered: list[Unanswered]
    up: int = 0
    down: int = 0


def reach(target: Measured, cluster: Cluster, tools: Tools) -> Reach:
    """The Prometheus to ask, found once a run: the address that was given, else the first that answers."""
    found = target.memo.get(_MEMO)
    if not isinstance(found, Reach):
        found = target.memo[_MEMO] = _reach(target, cluster, tools)
    return found


def _reach(target: Measured, cluster: Cluster, tools: Tools) -> Reach:
    given = str(target.options.get("prometheus_url") or "").strip()
    # A case that holds answers of an address gives them without it.
    if given or cluster.recorded(f"{_ELSEWHERE}/{_name(_UP)}") is not None:
        candidates: list[Prometheus | Unanswered] = [
            _at(given, str(target.options.get("prometheus_token_file") or "").strip(), cluster)
        ]
    else:
        candidates = [
            one for tool in tools.of(*ANSWERING)[:_MOST_ASKED] if (one := _behind(tool, cluster)) is not None
        ]
    unanswered: list[Unanswered] = []
    for one in candidates:
        if isinstance(one, Unanswered):
            unanswered.append(one)
            continue
        try:
            counts = {item.labels.get("up"): int(item.last) for item in one.now(_UP)}
        except ClusterError as error:
            unanswered.append(explained_failure(one.where, error, cluster))
            continue
        # One that scrapes nothing (a second, idle one) knows nothing either.
        if counts or len(candidates) == 1:
            return Reach(one, unanswered, counts.get("1", 0), counts.get("0", 0))
        unanswered.append(Unanswered(one.where, "it scrapes nothing"))
    return Reach(None, unanswered)


def alertmanager(tools: Tools, cluster: Cluster) -> Prometheus | Unanswered | None:
    """The Alertmanager, reached as a Prometheus is; None where there is none."""
    for tool in tools.of(ALERTMANAGER):
        return _behind(tool, cluster)
    return None


def no_answer(found: Reach, tools: Tools) -> str:
    """Why no Prometheus could be asked, in one clause."""
    if found.unanswered:
        return "; ".join(f"{one.where} cannot be asked: {one.why}" for one in found.unanswered)
    return "no Prometheus was found" + (
        "" if tools.complete else f", but not all pods were read ({tools.why})"
    )


def explained_failure(where: str, error: ClusterError, cluster: Cluster) -> Unanswered:
    """A question that failed; a right that was missing is noted in the coverage."""
    namespace, through_api, _ = where.partition("/")
    if through_api and isinstance(error, Forbidden):
        cluster.note_failure(error, "get services/proxy", namespace)
        command = f"kubectl auth can-i get services --subresource=proxy -n {namespace}"
        return Unanswered(where, f"the right get services/proxy is missing (`{command}`)")
    return Unanswered(where, str(error).rstrip("."))


def _at(url: str, token_file: str, cluster: Cluster) -> Prometheus:
    # Imported here: a run that asks through the API server does not pay for it.
    from kuberunbooks.cluster.other_server import OtherServer, checked_address

    where = checked_address(url) if url else "at the address that was given then"

    @functools.cache
    def server() -> OtherServer:
        return OtherServer(url, token_file)

    def get(name: str, path: str, query: list[tuple[str, str]]) -> bytes:
        return cluster.elsewhere(f"{_ELSEWHERE}/{name}", lambda: server().get(path, query))

    return Prometheus(where, get)


def _behind(tool: Tool, cluster: Cluster) -> Prometheus | Unanswered | None:
    """A tool through the API server's proxy of the Service that leads to it."""
    pod = next((one for one in tool.pods if one.is_ready), None)
    if pod is None:
        return Unanswered(f"{tool.namespace}/{tool.workload}", "none of its pods is ready")
    services = cluster.look(Service, tool.namespace)
    fitting = [one for one in services if _leads_to(one, pod)]
    # A Service with an address before a headless one (prometheus-operated), which has all replicas too.
    fitting.sort(key=lambda one: (one.is_headless, one.name))
    for service in fitting:
        port = _web_port(service)
        if port is not None:
            return _proxied(service, port, tool_container(pod, tool.kind), tool.kind, cluster)
    why = (
        "no Service leads to it" if services.complete else f"its Services could not be read ({services.why})"
    )
    return Unanswered(f"{tool.namespace}/{tool.workload}", why)


def _leads_to(service: Service, pod: Pod) -> bool:
    chosen = service.spec.selector
    return bool(chosen) and all(pod.metadata.labels.get(key) == value for key, value in chosen.items())


def _web_port(service: Service) -> ServicePort | None:
    ports = [one for one in service.spec.ports if one.protocol == "TCP" and one.name != "grpc"]
    by_name = [one for name in _WEB_PORTS for one in ports if one.name == name]
    by_number = [one for number in _WEB_NUMBERS for one in ports if one.port == number]
    found = by_name or by_number or (ports if len(ports) == 1 else [])
    return found[0] if found else None


def _proxied(
    service: Service, port: ServicePort, container: Container | None, kind: str, cluster: Cluster
) -> Prometheus:
    secure = port.port in (443, 9091) or port.name.startswith("https") or port.app_protocol == "https"
    place = f"{service.namespace}/{service.name}:{port.port}"
    root = f"api/v1/namespaces/{service.namespace}/services/"
    root += f"{'https' if secure else 'http'}:{service.name}:{port.port}/proxy/{_prefix(container, kind)}"

    def get(name: str, path: str, query: list[tuple[str, str]]) -> bytes:
        # A Prometheus that is down answers 503 at once, each time: it is not worth waiting for.
        return cluster.raw(f"{root}{path}", tuple(query), patient=False, name=f"prometheus/{place}/{name}")

    return Prometheus(place, get, f"/{root}")


def _prefix(container: Container | None, kind: str) -> str:
    """Below which path it answers: --web.route-prefix, else the path of --web.external-url."""
    arguments = [*container.command, *container.args] if container is not None else []
    if kind == VICTORIA and container is not None and "vmselect" in container.image:
        return "select/0/prometheus/"
    found = {}
    for one in arguments:
        name, equals, value = one.lstrip("-").partition("=")
        if equals and name in ("web.route-prefix", "web.external-url"):
            found[name] = value
    path = found.get(
        "web.route-prefix", "/" + found.get("web.external-url", "").partition("://")[2].partition("/")[2]
    )
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return "".join(f"{part}/" for part in parts)


def _name(question: Question) -> str:
    digest = hashlib.sha256(question.expression.encode()).hexdigest()[:_DIGEST]
    return f"{question.name}-{digest}"
