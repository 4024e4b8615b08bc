"""Reading over HTTP: pages, selectors, single objects, logs, time, and how many requests that takes."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kuberunbooks import errors
from kuberunbooks.cluster import Cluster, Query
from kuberunbooks.objects import ConfigMap, Deployment, Event, Node, Pod, Service
from tests.support.api_server import Fault, serve_case
from tests.support.live import open_live

PODS = "api/v1/namespaces/many/pods"


@pytest.fixture(scope="module")
def many(incident: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A namespace of 1,200 pods."""
    root = tmp_path_factory.mktemp("many") / "case"
    shutil.copytree(incident("healthy"), root)
    listed = json.loads((root / "api/v1/namespaces/healthy/pods.json").read_bytes())
    pattern = listed["items"][0]
    listed["items"] = [
        {**pattern, "metadata": {**pattern["metadata"], "name": f"pod-{number}", "namespace": "many"}}
        for number in range(1200)
    ]
    target = root / f"{PODS}.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(listed))
    return root


def test_a_long_list_comes_in_pages_of_500(many: Path, tmp_path: Path) -> None:
    with serve_case(many) as server:
        pods = Cluster(open_live(server, tmp_path)).read(Pod, "many")
    assert [pod.name for pod in pods] == [f"pod-{number}" for number in range(1200)]
    assert [one.query.get("limit") for one in server.requests] == ["500"] * 3


def test_a_walk_that_expires_is_started_over_without_duplicates(many: Path, tmp_path: Path) -> None:
    with serve_case(many, page_expires=True) as server:
        source = open_live(server, tmp_path)
        pages = list(source.pages(PODS))
        assert [page.restart for page in pages] == [False, True]
        pods = Cluster(source).read(Pod, "many")
    assert len({pod.name for pod in pods}) == len(pods) == 1200


def test_a_walk_that_expires_late_is_started_over_without_duplicates(many: Path, tmp_path: Path) -> None:
    with serve_case(many, faults=[Fault("continue=page-1", status=410)]) as server:
        pods = Cluster(open_live(server, tmp_path)).read(Pod, "many")
    assert len({pod.name for pod in pods}) == len(pods) == 1200


def test_a_first_page_that_is_gone_is_an_error(many: Path, tmp_path: Path) -> None:
    with serve_case(many, faults=[Fault("pods", status=410)]) as server, pytest.raises(errors.Gone):
        list(open_live(server, tmp_path).pages(PODS))
    assert server.count() == 1


def test_a_list_that_repeats_its_page_ends(many: Path, tmp_path: Path) -> None:
    page = b'{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"again"},"items":[]}'
    with serve_case(many, faults=[Fault("pods", body=page)]) as server:
        source = open_live(server, tmp_path)
        with pytest.raises(errors.BadAnswer, match="does not end"):
            list(source.pages(PODS))
    assert server.count() == 2


def test_nodes_take_one_request_from_the_watch_cache_whatever_their_number(
    many: Path, tmp_path: Path
) -> None:
    with serve_case(many, big_page=1) as server:
        assert len(Cluster(open_live(server, tmp_path)).nodes()) > 0
    assert [one.query for one in server.requests] == [{"resourceVersion": "0"}]


def test_selectors_are_applied_by_the_server(incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop")) as server:
        cluster = Cluster(open_live(server, tmp_path))
        chosen = cluster.read(Pod, "crashloop", labels="app=payments")
        running = cluster.read(Pod, "crashloop", fields="metadata.name=typo")
        about = cluster.events(running[0])
        with pytest.raises(errors.Refused, match="field label not supported"):
            cluster.read(Pod, "crashloop", fields="spec.priority=1")
    assert {pod.name.split("-")[0] for pod in chosen} == {"payments"}
    assert [pod.name for pod in running] == ["typo"]
    assert about
    assert {event.involved_object.name for event in about} == {"typo"}
    assert server.requests[0].query["labelSelector"] == "app=payments"
    assert server.requests[2].query["fieldSelector"] == "involvedObject.kind=Pod,involvedObject.name=typo"


def test_one_object_is_one_request_and_is_remembered(incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop")) as server:
        cluster = Cluster(open_live(server, tmp_path))
        assert cluster.get(Pod, "crashloop", "typo").name == "typo"
        assert cluster.get(Pod, "crashloop", "typo").name == "typo"
        gone = cluster.find(ConfigMap, "crashloop", "no-such")
        assert (gone.object, gone.known) == (None, True)
    assert server.count() == 2


def test_logs_are_read_with_their_times_and_bounds(incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop")) as server:
        cluster = Cluster(open_live(server, tmp_path))
        pod = next(pod for pod in cluster.read(Pod, "crashloop") if pod.name.startswith("payments"))
        log = cluster.log(pod, "app", tail_lines=2)
        previous = cluster.log(pod, "app", previous=True)
    assert len(log.lines) == 2
    assert all(line.at for line in log.lines)
    asked = [one.query for one in server.requests if one.path.endswith("/log")]
    assert asked[0] == {
        "container": "app",
        "timestamps": "true",
        "tailLines": "2",
        "limitBytes": str(1 << 20),
    }
    assert asked[1]["previous"] == "true"
    assert previous.state in ("read", "gone")


def test_a_log_of_a_container_that_never_started_says_so(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("image-pull")) as server:
        cluster = Cluster(open_live(server, tmp_path))
        pod = cluster.get(Pod, "image-pull", "badname")
        log = cluster.log(pod, "web")
    assert log.state == "waiting"
    assert "waiting to start" in log.why


def test_a_log_line_that_looks_like_a_web_page_is_still_a_log(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop")) as server:
        server.faults.append(Fault("/log", body=b"2026-11-23T21:00:00Z <html>\n", type="text/plain"))
        cluster = Cluster(open_live(server, tmp_path))
        log = cluster.log(cluster.get(Pod, "crashloop", "typo"), "app")
    assert [line.text for line in log.lines] == ["<html>"]


@pytest.mark.parametrize("hours", [-7, 5])
def test_time_is_the_servers_when_ours_is_off(
    hours: int, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    server_time = datetime.now(UTC) + timedelta(hours=hours)
    with serve_case(incident("crashloop"), now=server_time) as server:
        source = open_live(server, tmp_path)
        source.raw("version")
        source.raw("version")
    assert abs(source.now() - server_time) < timedelta(seconds=5)


def test_time_is_ours_when_the_servers_differs_by_little(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), now=datetime.now(UTC) - timedelta(seconds=20)) as server:
        source = open_live(server, tmp_path)
        source.raw("version")
    assert abs(source.now() - datetime.now(UTC)) < timedelta(seconds=2)


def test_answers_come_compressed_and_uncompressed(many: Path, tmp_path: Path) -> None:
    found = []
    for gzip in (True, False):
        with serve_case(many, gzip=gzip) as server:
            found.append(b"".join(page.body for page in open_live(server, tmp_path).pages(PODS)))
            assert server.requests[0].headers["accept-encoding"] == "gzip"
    assert found[0].replace(b"page-", b"") == found[1].replace(b"page-", b"")


def test_parallel_reads_share_one_pool_of_connections(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), faults=[Fault(".", hang=0.2)]) as server:
        source = open_live(server, tmp_path)
        cluster = Cluster(source)
        kinds = (Pod, Deployment, Service, Event, Node)
        cluster.prefetch(*(Query(kind, "" if kind is Node else "crashloop") for kind in kinds))
        for kind in kinds:
            cluster.read(kind, "" if kind is Node else "crashloop")
        cluster.prefetch(*(Query(kind, "", labels="a=b") for kind in kinds))
        threads = threading.active_count()
        cluster.close()
    assert server.count() >= len(kinds)
    assert threads < 40


@pytest.mark.parametrize("gzip", [True, False])
def test_requests_one_after_another_use_one_connection(
    gzip: bool, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), gzip=gzip) as server:
        source = open_live(server, tmp_path)
        for _ in range(3):
            list(source.pages("api/v1/nodes"))
            with pytest.raises(errors.NotFound):
                source.item("api/v1/nodes/no-such")
    assert len({one.client for one in server.requests}) == 1


def test_every_request_that_was_sent_is_counted(incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop"), faults=[Fault("services", status=503, times=1)]) as server:
        source = open_live(server, tmp_path)
        cluster = Cluster(source)
        cluster.read(Service, "crashloop")
        cluster.look(ConfigMap, "no-such-namespace")
        source.review("apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert source.coverage.requests == server.count() == 4


def test_only_get_and_the_reviews_leave_this_machine() -> None:
    """No write verb exists in this layer: POST goes to the reviews alone."""
    folder = Path(__file__).parents[2] / "lib/kuberunbooks/cluster"
    code = "\n".join(path.read_text() for path in folder.glob("*.py"))
    assert not [verb for verb in ('"PUT"', '"PATCH"', '"DELETE"') if verb in code]
    assert code.count('"POST"') == 1
    assert code.count(".review(") >= 3
