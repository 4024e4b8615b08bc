"""What can go wrong with an API server: the right error, one sentence, a bounded number of tries."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kuberunbooks import errors, notebook
from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.rights import survey
from kuberunbooks.objects import ConfigMap, Deployment, Event, Job, Node, Pod, ReplicaSet, Service
from tests.support.api_server import Fault, serve_case
from tests.support.live import FAST, HASTY, open_live

PODS = "api/v1/namespaces/crashloop/pods"
TRIES = 1 + len(FAST.waits)

HTML = b"<!DOCTYPE html><html><body>Sign in</body></html>"

FAULTS = {
    "overloaded": (Fault(PODS, status=429), errors.Throttled, TRIES, "Too many requests"),
    "server error": (Fault(PODS, status=500), errors.ServerFault, TRIES, "answered 500"),
    "gateway error page": (Fault(PODS, status=502, body=HTML), errors.ServerFault, TRIES, "answered 502"),
    "not allowed": (Fault(PODS, status=403), errors.Forbidden, 1, "answered 403"),
    "no such thing": (Fault(PODS, status=404), errors.Refused, 1, "does not serve"),
    "unknown user": (Fault(PODS, status=401), errors.Unauthorized, 1, "does not accept the credentials"),
    "teapot": (Fault(PODS, status=418), errors.Refused, 1, "answered 418"),
    "login page": (Fault(PODS, body=HTML, type="text/html"), errors.BadAnswer, 1, "web page"),
    "login page as JSON": (Fault(PODS, body=HTML), errors.BadAnswer, 1, "web page"),
    "forbidding page": (Fault(PODS, status=403, body=HTML), errors.BadAnswer, 1, "web page"),
    "null": (Fault(PODS, body=b"null"), errors.BadAnswer, 1, "is null"),
    "nothing": (Fault(PODS, body=b""), errors.BadAnswer, 1, "is empty"),
    "garbage": (Fault(PODS, body=b"\x00\xff\x13garbage"), errors.BadAnswer, 1, "no JSON object"),
    "half JSON": (Fault(PODS, body=b'{"kind":"PodList","items":[{'), errors.BadAnswer, 1, "cut off"),
    "damaged gzip": (
        Fault(PODS, body=b"{not gzip", headers={"Content-Encoding": "gzip"}),
        errors.BadAnswer,
        1,
        "is damaged",
    ),
    "half a gzip": (
        Fault(PODS, body=gzip.compress(b"{}" * 9999)[:-20], headers={"Content-Encoding": "gzip"}),
        errors.BadAnswer,
        TRIES,
        "cut off",
    ),
    "redirect": (
        Fault(PODS, redirect="https://u:pw@login.shop.test/x?token=q"),
        errors.BadAnswer,
        1,
        "redirects to login.shop.test",
    ),
    "reset": (Fault(PODS, reset=True), errors.Unreachable, TRIES, "closed the connection"),
    "truncated": (Fault(PODS, cut=300), errors.BadAnswer, TRIES, "cut off"),
    "silence": (Fault(PODS, hang=5), errors.TimedOut, 1, "did not answer within 0."),
    "slow drip": (Fault(PODS, drip=0.2), errors.TimedOut, 1, "not whole after 1.5 s"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_of_the_right_error_after_a_bounded_number_of_tries(
    name: str, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    fault, kind, tries, words = FAULTS[name]
    with serve_case(incident("crashloop"), faults=[fault], token="s3cret-token") as server:
        source = open_live(server, tmp_path, limits=HASTY if kind is errors.TimedOut else FAST)
        started = time.monotonic()
        with pytest.raises(errors.ClusterError) as caught:
            list(source.pages(PODS))
        assert time.monotonic() - started < (4 if kind is errors.TimedOut else FAST.total)
    assert type(caught.value) is kind
    sentence = str(caught.value)
    assert words in sentence
    assert sentence.count("\n") == 0
    assert "s3cret" not in sentence
    assert "pw@" not in sentence
    assert caught.value.exit_status == 3
    assert server.count() == tries == source.coverage.requests


@pytest.mark.parametrize(
    "fault",
    [
        Fault(PODS, status=503, times=2),
        Fault(PODS, status=429, times=2),
        Fault(PODS, reset=True, times=2),
        Fault(PODS, cut=200, times=1),
    ],
    ids=["503 twice", "429 twice", "reset twice", "cut once"],
)
def test_a_passing_fault_is_sat_out(fault: Fault, incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop"), faults=[fault]) as server:
        source = open_live(server, tmp_path)
        pods = Cluster(source).read(Pod, "crashloop")
    assert len(pods) == 4
    assert source.coverage.requests == server.count()


def test_a_server_that_says_when_to_come_back_is_obeyed(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    fault = Fault(PODS, status=429, headers={"Retry-After": "1"}, times=1)
    with serve_case(incident("crashloop"), faults=[fault]) as server:
        source = open_live(server, tmp_path)
        started = time.monotonic()
        list(source.pages(PODS))
    assert 1.0 <= time.monotonic() - started < 8.0


def test_a_server_that_asks_for_an_hour_is_not_waited_for(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    fault = Fault(PODS, status=429, headers={"Retry-After": "3600"})
    with serve_case(incident("crashloop"), faults=[fault]) as server:
        source = open_live(server, tmp_path, limits=FAST._replace(retry_after=1, waits=(0.01,)))
        started = time.monotonic()
        with pytest.raises(errors.Throttled):
            list(source.pages(PODS))
    assert time.monotonic() - started < 8.0


def test_a_malformed_retry_after_is_ignored(incident: Callable[[str], Path], tmp_path: Path) -> None:
    fault = Fault(PODS, status=429, headers={"Retry-After": "soon"}, times=1)
    with serve_case(incident("crashloop"), faults=[fault]) as server:
        assert list(open_live(server, tmp_path).pages(PODS))


def test_a_review_is_never_sent_twice(incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop"), faults=[Fault("selfsubject", status=503)]) as server:
        source = open_live(server, tmp_path)
        with pytest.raises(errors.ServerFault):
            source.review("apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert server.count() == 1


def test_a_log_of_a_dead_node_is_asked_for_once(incident: Callable[[str], Path], tmp_path: Path) -> None:
    folder = incident("node-down")
    with serve_case(folder) as server:
        cluster = Cluster(open_live(server, tmp_path))
        pod = next(one for one in cluster.read(Pod, "healthy") if one.name.endswith("-8r5kg"))
        log = cluster.log(pod, "nginx")
    assert log.state == "unreachable"
    assert "dial tcp" in log.why
    assert server.count("/log") == 1


def test_an_answer_larger_than_the_limit_is_refused(incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop")) as server:
        source = open_live(server, tmp_path, limits=FAST._replace(body=1000))
        with pytest.raises(errors.BadAnswer, match="larger than 1000 bytes"):
            list(source.pages(PODS))


def test_a_closed_port_is_refused_a_few_times_and_counts_as_no_request(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serve_case(incident("crashloop")) as server:
        source = open_live(server, tmp_path, server=f"http://127.0.0.1:{port}")
        with pytest.raises(errors.Unreachable, match=f"127.0.0.1:{port} refused the connection"):
            source.raw("version")
    assert source.coverage.requests == 0


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_says_a_word_is_given_up(
    scheme: str, silent: int, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    limits = HASTY._replace(connect=0.5)
    with serve_case(incident("crashloop")) as server:
        source = open_live(server, tmp_path, limits=limits, server=f"{scheme}://127.0.0.1:{silent}")
        with pytest.raises(errors.TimedOut, match=rf"127.0.0.1:{silent} did not answer within 0\.\d s"):
            source.raw("version")


def test_asking_for_rights_ends_soon_when_the_server_says_nothing(
    silent: int, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    rights = [("list", "", f"kind-{number}") for number in range(80)]
    with serve_case(incident("crashloop")) as server:
        source = open_live(server, tmp_path, limits=HASTY, server=f"http://127.0.0.1:{silent}")
        started = time.monotonic()
        with pytest.raises(errors.TimedOut):
            survey(source, source, rights, "")
    assert time.monotonic() - started < 3


def test_a_name_that_does_not_resolve_is_said_to(incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop")) as server:
        source = open_live(server, tmp_path, server="https://api.nowhere.invalid:6443")
        with pytest.raises(errors.Unreachable, match=r"name of the API server api.nowhere.invalid:6443"):
            source.raw("version")


def test_a_name_from_the_user_cannot_lead_to_another_path(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop")) as server:
        source = open_live(server, tmp_path)
        for name in ("..", "", ".", "../secrets/x"):
            with pytest.raises(errors.NotFound):
                source.item(f"{PODS}/{name}")
        assert server.count() == 0
        with pytest.raises(errors.NotFound):
            source.item(f"{PODS}/a?b=c#d")
        assert server.requests[0].path == f"/{PODS}/a?b=c#d"
        assert server.requests[0].query == {}


def test_a_server_that_dies_during_a_run_costs_each_later_read_one_try(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    limits = FAST._replace(waits=(0.3, 0.3))
    with serve_case(incident("crashloop")) as server:
        cluster = Cluster(open_live(server, tmp_path, limits=limits))
        assert cluster.read(Pod, "crashloop")
    started = time.monotonic()
    for kind in (Service, ConfigMap, Node, Event, Deployment, ReplicaSet, Job):
        assert not cluster.look(kind, "crashloop").complete
    assert 0.4 < time.monotonic() - started < 1.5
    assert len(cluster.coverage.missing) == 7


def test_a_server_that_comes_back_is_given_its_retries_again(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), faults=[Fault(PODS, reset=True, times=TRIES)]) as server:
        source = open_live(server, tmp_path)
        with pytest.raises(errors.Unreachable):
            list(source.pages(PODS))
        source.raw("version")
        server.faults.append(Fault(PODS, reset=True, times=TRIES - 1))
        assert list(source.pages(PODS))


def test_a_run_whose_server_dies_ends_with_steps_that_say_so(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_case(incident("crashloop")) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        session = notebook.open("pods", namespace="crashloop")
    started = time.monotonic()
    results = [getattr(session, name)().data for name in session.step_names]
    closing = session.summary().data
    assert not [one.error for one in results if one.status == "failed"]
    assert time.monotonic() - started < 30
    assert closing.coverage.missing
