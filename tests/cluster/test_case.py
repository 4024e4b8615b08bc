"""A case answers what was recorded, repeats what was refused, and never takes "not recorded" for "none"."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.cluster.manifest import covers
from kuberunbooks.errors import BadAnswer, CaseAlien, Forbidden, NotCollected, NotFound, Refused, ServerFault
from kuberunbooks.objects import Event, Node, Pod

SHOP = "api/v1/namespaces/shop"
AT = "2026-05-04T10:00:00Z"


def listing(kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {}, "items": list(items)}


def pod(name: str, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}}


def status(code: int, message: str, name: str = "") -> dict[str, Any]:
    return {"kind": "Status", "code": code, "message": message, "details": {"name": name}}


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., Cluster]:
    """`case({"api/v1/nodes.json": {...}}, partial={...})` opens a case of these files."""

    def make(files: dict[str, Any], **manifest: Any) -> Cluster:
        for name, content in {"manifest.json": {"recorded_at": AT, **manifest}, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return Cluster(CaseSource(tmp_path))

    return make


def test_a_whole_list_answers_every_question_about_it(case: Callable[..., Cluster]) -> None:
    cluster = case({f"{SHOP}/pods.json": listing("Pod", pod("web-1", app="web"), pod("db-0", app="db"))})
    assert cluster.read(Pod, "shop").complete
    assert [one.name for one in cluster.read(Pod, "shop", labels="app=web")] == ["web-1"]
    assert cluster.get(Pod, "shop", "db-0").name == "db-0"
    with pytest.raises(NotFound, match="no Pod web-2"):
        cluster.get(Pod, "shop", "web-2")


def test_a_list_that_was_not_recorded_is_not_collected_and_not_empty(case: Callable[..., Cluster]) -> None:
    cluster = case({f"{SHOP}/pods.json": listing("Pod")})
    with pytest.raises(NotCollected):
        cluster.read(Node)
    glance = cluster.find(Node, "", "n1")
    assert (glance.object, glance.known) == (None, False)
    assert cluster.coverage.missing


def test_a_pod_recorded_alone_is_there_but_the_list_is_only_a_part(case: Callable[..., Cluster]) -> None:
    cluster = case(
        {f"{SHOP}/pods.json": listing("Pod", pod("web-1"))},
        partial={f"{SHOP}/pods": ["fieldSelector=metadata.name=web-1"]},
    )
    assert cluster.get(Pod, "shop", "web-1").name == "web-1"
    everything = cluster.read(Pod, "shop")
    assert not everything.complete
    assert everything.why
    with pytest.raises(NotCollected):
        cluster.get(Pod, "shop", "web-2")


def test_a_selection_that_was_recorded_answers_itself_and_what_is_narrower(
    case: Callable[..., Cluster],
) -> None:
    cluster = case(
        {f"{SHOP}/pods.json": listing("Pod", pod("web-1", app="web", tier="a"), pod("x", app="other"))},
        partial={f"{SHOP}/pods": ["labelSelector=app=web", "fieldSelector=metadata.name=x"]},
    )
    assert cluster.read(Pod, "shop", labels="app=web").complete
    assert cluster.read(Pod, "shop", labels="tier=a,app=web").complete
    assert not cluster.read(Pod, "shop", labels="tier=a").complete
    assert not cluster.read(Pod, "shop", labels="app=db").complete


def test_events_recorded_of_one_object_are_complete_for_it_only(case: Callable[..., Cluster]) -> None:
    event = {
        "metadata": {"name": "e1", "namespace": "shop"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1"},
        "lastTimestamp": AT,
    }
    about = "fieldSelector=involvedObject.kind=Pod,involvedObject.name=web-1"
    cluster = case({f"{SHOP}/events.json": listing("Event", event)}, partial={f"{SHOP}/events": [about]})
    assert len(cluster.events_about("Pod", "shop", "web-1")) == 1
    assert not cluster.coverage.missing
    assert cluster.events_about("Pod", "shop", "db-0") == []
    assert "db-0" in cluster.coverage.missing[0].why
    assert not cluster.look(Event, "shop").complete


@pytest.mark.parametrize(
    ("recorded", "labels", "fields", "answer"),
    [
        ("labelSelector=app=web", "app=web", "", True),
        ("labelSelector=app==web", "app=web", "", True),
        ("labelSelector=app in (a,b)", "app in (a,b),tier=x", "", True),
        ("labelSelector=app in (a,b)", "app in (a)", "", False),
        ("labelSelector=app=web", "", "", False),
        ("fieldSelector=metadata.name=x", "", "metadata.name=x", True),
        ("labelSelector=a=b&fieldSelector=c=d", "a=b", "c=d", True),
        ("labelSelector=a=b&fieldSelector=c=d", "a=b", "", False),
        ("something else", "a=b", "", False),
    ],
)
def test_a_narrower_question_is_covered_by_a_wider_recording(
    recorded: str, labels: str, fields: str, answer: bool
) -> None:
    assert covers(recorded, labels, fields) is answer


def test_a_recorded_refusal_is_the_same_error_again(case: Callable[..., Cluster]) -> None:
    cluster = case(
        {
            "version.json": {},
            "errors/api/v1/nodes.403.json": status(403, 'User "jane" cannot list nodes'),
            f"errors/{SHOP}/pods/web-9.404.json": status(404, 'pods "web-9" not found', "web-9"),
            f"errors/{SHOP}/services.503.json": "upstream connect error",
            f"{SHOP}/pods.json": listing("Pod", pod("web-1")),
        },
        partial={f"{SHOP}/pods": ["fieldSelector=metadata.name=web-1"]},
    )
    with pytest.raises(Forbidden, match="cannot list nodes"):
        cluster.read(Node)
    with pytest.raises(NotFound, match='"web-9" not found'):
        cluster.get(Pod, "shop", "web-9")
    assert cluster.find(Pod, "shop", "web-9").known
    with pytest.raises(ServerFault, match="upstream connect error"):
        cluster.raw(f"{SHOP}/services")


def test_a_list_that_was_refused_stays_refused_though_one_object_of_it_was_read(
    case: Callable[..., Cluster],
) -> None:
    cluster = case(
        {
            f"{SHOP}/pods.json": listing("Pod", pod("web-1")),
            f"errors/{SHOP}/pods.403.json": status(403, "cannot list pods"),
        },
        partial={f"{SHOP}/pods": ["fieldSelector=metadata.name=web-1"]},
    )
    assert cluster.get(Pod, "shop", "web-1").name == "web-1"
    with pytest.raises(Forbidden):
        cluster.read(Pod, "shop")


def test_an_api_group_the_server_does_not_have_is_refused(incident: Callable[[str], Path]) -> None:
    cluster = Cluster(CaseSource(incident("crashloop")))
    with pytest.raises(Refused, match=r"does not serve .*\(404\)"):
        cluster.raw("apis/metrics.k8s.io/v1beta1/nodes")


def test_all_namespaces_are_complete_only_when_each_of_them_was_recorded(
    case: Callable[..., Cluster],
) -> None:
    files = {
        f"{SHOP}/pods.json": listing("Pod", pod("web-1")),
        "api/v1/namespaces.json": listing(
            "Namespace", {"metadata": {"name": "shop"}}, {"metadata": {"name": "dev"}}
        ),
    }
    assert not case(files).read(Pod).complete
    assert (
        case(files | {"api/v1/namespaces/dev/pods.json": listing("Pod", pod("x", "dev"))}).read(Pod).complete
    )


def test_a_namespace_is_cut_out_of_the_list_of_all_of_them(case: Callable[..., Cluster]) -> None:
    cluster = case({"api/v1/pods.json": listing("Pod", pod("web-1"), pod("x", "dev"))})
    assert [one.name for one in cluster.read(Pod, "dev")] == ["x"]
    assert cluster.read(Pod, "dev").complete
    assert cluster.read(Pod, "empty") == []


def test_a_file_is_decoded_once_whether_its_namespace_or_all_of_them_are_asked_for(
    case: Callable[..., Cluster],
) -> None:
    cluster = case(
        {
            f"{SHOP}/pods.json": listing("Pod", pod("web-1")),
            "api/v1/namespaces/other/pods.json": listing("Pod", pod("db-0", "other")),
        }
    )
    (web,) = cluster.read(Pod, "shop")
    assert {one.name: one is web for one in cluster.read(Pod)} == {"web-1": True, "db-0": False}


def test_parts_of_the_list_of_all_namespaces_are_not_taken_for_each_other(
    case: Callable[..., Cluster],
) -> None:
    cluster = case({"api/v1/pods.json": listing("Pod", pod("web-1"), pod("db-0", "other"))})
    for namespace, names in (("shop", ["web-1"]), ("other", ["db-0"]), ("", ["web-1", "db-0"])):
        assert [one.name for one in cluster.read(Pod, namespace)] == names


def test_logs_are_cut_as_asked_and_their_refusals_said(case: Callable[..., Cluster]) -> None:
    waiting = 'container "app" in pod "web-2" is waiting to start: ContainerCreating'
    lines = "".join(f"{AT} line {number}\n" for number in range(10))
    cluster = case(
        {"logs/shop/web-1/app.log": lines, "logs/shop/web-2/app.log.400.json": status(400, waiting)}
    )
    web = Pod()
    web.metadata.namespace, web.metadata.name = "shop", "web-1"
    log = cluster.log(web, "app", tail_lines=3)
    assert [line.text for line in log.lines] == ["line 7", "line 8", "line 9"]
    assert log.cut
    web.metadata.name = "web-2"
    assert cluster.log(web, "app").state == "waiting"
    web.metadata.name = "web-3"
    assert cluster.log(web, "app").state == "missing"


def test_time_stands_still_at_the_recording(case: Callable[..., Cluster]) -> None:
    assert case({"version.json": {}}).now == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert case({"version.json": {}}, recorded_at="2026-05-04T12:00:00+02:00").now == datetime(
        2026, 5, 4, 10, tzinfo=UTC
    )
    assert case({"version.json": {}}, recorded_at="2026-05-04T10:00:00").now == datetime(
        2026, 5, 4, 10, tzinfo=UTC
    )


def test_without_a_manifest_now_is_the_newest_time_written_down_and_never_a_deletion_time(
    case: Callable[..., Cluster],
) -> None:
    doomed = pod("web-1")
    doomed["metadata"]["deletionTimestamp"] = "2026-05-04T11:00:00Z"
    doomed["metadata"]["managedFields"] = [{"manager": "kubelet", "time": "2026-05-04T10:00:10Z"}]
    files: dict[str, Any] = {f"{SHOP}/pods.json": listing("Pod", doomed)}
    assert case(files, recorded_at=None).now.second == 10
    files["logs/shop/web-1/app.log"] = "2026-05-04T10:00:20.123456789Z hello\nno time here\n"
    assert case(files, recorded_at=None).now.second == 20
    files[f"{SHOP}/events.json"] = listing("Event", {"eventTime": "2026-05-04T10:00:30.000001Z"})
    assert case(files, recorded_at=None).now.second == 30
    files["apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases.json"] = listing(
        "Lease", {"spec": {"renewTime": "2026-05-04T10:00:40.000000Z"}}
    )
    assert case(files, recorded_at=None).now.second == 40
    files["transcripts/001.json"] = {"at": "2026-05-04T10:00:50Z", "stdout": '"time":"2030-01-01T00:00:00Z"'}
    assert case(files, recorded_at=None).now.second == 50


def test_a_case_without_any_time_says_how_to_give_it_one(case: Callable[..., Cluster]) -> None:
    with pytest.raises(BadAnswer, match="no time at all") as caught:
        case({"version.json": {}}, recorded_at=None)
    assert "recorded_at" in caught.value.advice


@pytest.mark.parametrize(
    "text", ["not json", "[]", '"x"', '{"format": 2}', '{"format": "new"}', '{"partial": [1]}', "\xff"]
)
def test_a_manifest_that_cannot_be_trusted_makes_the_case_alien(
    case: Callable[..., Cluster], text: str
) -> None:
    with pytest.raises(CaseAlien, match=r"manifest\.json|case format 2"):
        case({"manifest.json": text, "version.json": {}})


@pytest.mark.parametrize(
    "odd", [{"scope": None}, {"redactions": "many"}, {"not_collected": 1}, {"future": [1]}]
)
def test_an_odd_field_of_the_manifest_costs_only_that_field(
    case: Callable[..., Cluster], odd: dict[str, Any]
) -> None:
    assert case({"version.json": {}}, user="jane", **odd).origin.user == "jane"


def test_what_could_not_be_recorded_says_why(case: Callable[..., Cluster]) -> None:
    cluster = case(
        {"version.json": {}}, not_collected=[{"path": "api/v1/nodes", "why": "The server hung up."}]
    )
    with pytest.raises(NotCollected, match="hung up"):
        cluster.read(Node)


def test_a_damaged_file_costs_the_step_that_reads_it_and_not_the_run(tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("version.json", "{}")
        archive.writestr("manifest.json", json.dumps({"recorded_at": AT}))
        archive.writestr(f"{SHOP}/pods.json", json.dumps(listing("Pod", pod("web-1"))))
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"web-1")] ^= 0xFF
    path.write_bytes(bytes(raw))
    with pytest.raises(BadAnswer, match="damaged"):
        Cluster(CaseSource(path)).read(Pod, "shop")
