"""Running, but not doing what it was told: a manifest against the schema and against what runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kuberunbooks import notebook
from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.errors import NotCollected, NotFound
from kuberunbooks.guides.pods.manifest_diff import differences, path_text, value_text
from kuberunbooks.guides.pods.manifest_file import UnreadableManifest, parse_manifest, read_manifest
from kuberunbooks.guides.rules.managed_fields import manager_of
from kuberunbooks.guides.rules.manifest_schema import check, nearest_version
from kuberunbooks.objects import Deployment
from tests.support.made_cases import make_case, node, pod, workload

Examine = Callable[..., Any]

FRONTEND = """
apiVersion: v1
kind: Pod
metadata: {name: front, labels: {app: front}}
spec:
  containers:
  - name: app
    image: shop/front:1
    command: [serve, --port=80]
    env: [{name: API_TOKEN, value: tok-1234567890}, {name: MODE, value: fast}]
    resources: {limits: {memory: 1Gi, cpu: 500m}}
    ports: [{containerPort: 80}]
"""


@pytest.fixture
def compare(examine: Examine, tmp_path: Path) -> Callable[..., Any]:
    """`compare(text, live)`: the pods guide on pod/front as `live`, with `text` as its manifest."""

    def run(text: str, live: dict[str, Any], target: str = "pod/front") -> Any:
        file = tmp_path / "front.yaml"
        file.write_text(text)
        return examine([live, node()], target, manifest=str(file))

    return run


def asked() -> dict[str, Any]:
    """The manifest as a dictionary."""
    found: dict[str, Any] = yaml.safe_load(FRONTEND)
    return found


def live(change: Callable[[dict[str, Any]], Any] | None = None, *, applied: str = "") -> dict[str, Any]:
    """The pod as the server holds it: as asked, with defaults; `change` alters its specification."""
    made = pod("front", labels={"app": "front"})
    made["spec"] |= asked()["spec"] | {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always"}
    made["spec"]["containers"][0] |= {"imagePullPolicy": "IfNotPresent"}
    made["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "protocol": "TCP"}]
    if change is not None:
        change(made["spec"]["containers"][0])
    if applied:
        note = "kubectl.kubernetes.io/last-applied-configuration"
        made["metadata"]["annotations"] = {note: json.dumps(yaml.safe_load(applied))}
    return made


def manifest_codes(found: Any) -> set[str]:
    """The codes of the manifest step."""
    return {one.code for one in found.findings if one.step == "DP-10"}


def test_without_a_manifest_the_step_says_how_to_give_one(diagnose: Callable[..., Any]) -> None:
    step = diagnose("healthy").steps["DP-10"]
    assert step.findings == []
    assert "manifest" in step.exhibits[0].text


@pytest.mark.parametrize(
    "recorded", ["healthy", "crashloop", "controllers", "jobs", "probes", "statefulsets", "oom"]
)
def test_what_was_applied_matches_what_the_server_holds(
    recorded: str, diagnose: Callable[..., Any], incident: Callable[[str], Path]
) -> None:
    found = diagnose(recorded, manifest=str(incident(recorded) / "manifest.yaml"))
    assert manifest_codes(found) == {"ManifestMatches"}


def test_a_misspelt_field_is_named_with_its_place_and_the_spelling_that_was_meant(
    compare: Callable[..., Any],
) -> None:
    found = compare(FRONTEND.replace("command:", "commnd:"), live(lambda one: one.pop("command")))
    one = found.one("ManifestUnknownField")
    assert one.facts["fields"] == [{"path": "spec.containers[0].commnd", "near": "command"}]
    assert "commnd (meant command?)" in one.summary
    assert one.facts["version"] == "1.36"
    assert manifest_codes(found) == {"ManifestUnknownField"}


def test_all_unknown_fields_are_found_not_only_the_first() -> None:
    text = asked()
    text["spec"]["containers"][0] |= {"commnd": ["x"], "imagePullPolcy": "Always"}
    text["spec"]["containers"][0]["ports"][0]["hostport"] = 1
    text["spec"]["resources_"] = {}
    found = {one.path[-1]: one.near for one in check(text, "v1.36.2").unknown}
    assert found == {
        "commnd": "command",
        "imagePullPolcy": "imagePullPolicy",
        "hostport": "hostPort",
        "resources_": "resources",
    }


def test_a_wrong_type_is_told_beside_the_unknown_fields() -> None:
    text = asked()
    text["spec"]["containers"][0]["ports"][0]["containerPort"] = "eighty"
    text["spec"]["containers"][0]["commnd"] = ["x"]
    found = check(text, "v1.36.2")
    assert [one.path[-1] for one in found.unknown] == ["commnd"]
    assert "eighty" in found.other[0]


@pytest.mark.parametrize(
    ("server", "version"),
    [("v1.36.2", "1.36"), ("v1.25.0-eks-1", "1.25"), ("v1.99.0", "1.37"), ("v1.4.1", "1.25"), ("", "1.37")],
)
def test_the_schema_is_that_of_the_server_or_the_nearest_there_is(server: str, version: str) -> None:
    assert nearest_version(server) == version


def test_a_kind_without_a_schema_is_compared_all_the_same() -> None:
    text = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "x"}}
    assert check(text, "1.36") == ("", [], [], text)


def test_a_field_the_server_does_not_have_is_dropped_and_defaults_are_left_out(
    compare: Callable[..., Any],
) -> None:
    found = compare(FRONTEND, live(lambda one: one.pop("command")))
    one = found.one("ManifestFieldDropped")
    assert one.severity == "critical"
    assert [field["path"] for field in one.facts["fields"]] == ["spec.containers[name=app].command"]
    assert manifest_codes(found) == {"ManifestFieldDropped"}


def test_a_changed_value_is_quoted_from_both_sides(compare: Callable[..., Any]) -> None:
    found = compare(FRONTEND, live(lambda one: one.update(image="shop/front:2")))
    one = found.one("ManifestValueChanged")
    assert "image is shop/front:2, the file asks for shop/front:1" in one.summary
    assert one.evidence[0].value == "shop/front:2"


def test_a_value_of_the_environment_is_never_quoted(compare: Callable[..., Any]) -> None:
    def rotate(one: dict[str, Any]) -> None:
        one["env"] = [{"name": "API_TOKEN", "value": "tok-0987654321"}, {"name": "MODE", "value": "slow"}]

    found = compare(FRONTEND, live(rotate))
    step = found.steps["DP-10"]
    text = str(step)
    assert found.one("ManifestValueChanged").facts["fields"][0]["path"].endswith("env[name=API_TOKEN].value")
    for secret in ("tok-1234567890", "tok-0987654321", "slow", "fast"):
        assert secret not in text


def test_equal_quantities_in_other_words_are_no_difference(compare: Callable[..., Any]) -> None:
    found = compare(
        FRONTEND.replace("1Gi", "1024Mi").replace("500m", "0.5"),
        live(lambda one: one.update(resources={"limits": {"memory": "1Gi", "cpu": "500m"}})),
    )
    assert manifest_codes(found) == {"ManifestMatches"}


def test_a_file_that_was_changed_after_it_was_applied_is_stale(compare: Callable[..., Any]) -> None:
    found = compare(FRONTEND.replace("front:1", "front:2"), live(applied=FRONTEND))
    assert manifest_codes(found) == {"ManifestStale", "ManifestValueChanged"}
    assert found.one("ManifestValueChanged").facts["unapplied"] is True
    assert "not applied yet" in found.one("ManifestValueChanged").summary


def test_a_change_made_after_applying_names_who_made_it(compare: Callable[..., Any]) -> None:
    changed = live(lambda one: one.update(image="shop/front:2"), applied=FRONTEND)
    path = {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:image": {}}}}}
    changed["metadata"]["managedFields"] = [
        {"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-23T11:00:00Z", "fieldsV1": path}
    ]
    found = compare(FRONTEND, changed)
    assert "last written by kubectl-edit" in found.one("ManifestValueChanged").summary
    assert "ManifestStale" not in found.codes()


def test_a_scaled_workload_is_nobodys_mistake(examine: Examine, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    made = workload("Deployment", "web", replicas=2)
    file.write_text(json.dumps({key: made[key] for key in ("apiVersion", "kind", "metadata", "spec")}))
    made["spec"]["replicas"] = made["status"]["replicas"] = made["status"]["readyReplicas"] = 5
    found = examine([made], "deployment/web", manifest=str(file))
    assert found.one("ManifestValueChanged").severity == "info"


def test_a_file_about_other_things_is_said_to_be_so(compare: Callable[..., Any]) -> None:
    found = compare(FRONTEND.replace("name: front,", "name: back,"), live())
    assert manifest_codes(found) == set()
    assert "Pod back" in found.steps["DP-10"].exhibits[0].text


def test_an_object_that_never_came_to_be_is_still_checked_for_misspelt_fields(
    compare: Callable[..., Any],
) -> None:
    found = compare(FRONTEND.replace("command:", "commnd:"), pod("other"))
    assert found.one("ManifestUnknownField").facts["exists"] is False


def unfolding_aliases() -> str:
    """Forty aliases, each of two of the one before: 2^40 nodes when unfolded."""
    lines = ["k0: &k0 [1]"]
    lines += [f"k{number}: &k{number} [*k{number - 1}, *k{number - 1}]" for number in range(1, 40)]
    return "\n".join(lines)


UNUSABLE = {
    "empty": ("", "no Kubernetes object"),
    "cut": ("a: [1, 2", "no YAML"),
    "words": ("just words", "no Kubernetes object"),
    "binary": ("\x00\x01", "no YAML"),
    "deep": ("[" * 5000 + "]" * 5000, "nested too deeply"),
    "bomb": (unfolding_aliases(), "unfold"),
    "recursive": ("&a [*a]", "unfold"),
    "code": ("!!python/object/apply:os.system [true]", "no YAML"),
    "odd key": ("? {a: b}\n: c", "YAML"),
}


@pytest.mark.parametrize(("text", "why"), UNUSABLE.values(), ids=list(UNUSABLE))
def test_a_file_that_cannot_be_used_gives_one_sentence_and_no_crash(
    text: str, why: str, compare: Callable[..., Any]
) -> None:
    found = compare(text, live())
    assert found.one("ManifestUnreadable").severity == "warning"
    assert why in found.one("ManifestUnreadable").summary


def test_a_missing_file_and_one_that_is_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableManifest, match="No such file"):
        read_manifest(str(tmp_path / "none.yaml"))
    (tmp_path / "big.yaml").write_bytes(b"#" * (3 << 20))
    with pytest.raises(UnreadableManifest, match="larger than 2 MiB"):
        read_manifest(str(tmp_path / "big.yaml"))


def test_documents_lists_and_json_are_all_read() -> None:
    inner = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}}
    text = f"{FRONTEND}---\n# nothing\n---\n" + json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [inner]}
    )
    assert [one["metadata"]["name"] for one in parse_manifest(text.encode())] == ["front", "b"]


UDP = {"containerPort": 53, "protocol": "UDP"}
HIDDEN = {"name": "A", "value": "[redacted:password:1]"}
DIFFERENCES: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    ({"hostNetwork": False, "volumes": [], "x": None, "y": {}}, {}, []),
    ({"hostNetwork": True}, {}, [("dropped", "hostNetwork")]),
    ({"ports": [UDP]}, {"ports": [{"containerPort": 53}]}, [("dropped", "ports[containerPort=53]")]),
    ({"args": ["a", 1]}, {"args": ["a", "1"]}, []),
    ({"args": ["a"]}, {"args": ["a", "b"]}, [("changed", "args")]),
    ({"annotations": {"a.b/c": "1"}}, {"annotations": {}}, [("dropped", "annotations['a.b/c']")]),
    ({"metadata": {"namespace": "a"}, "status": {"x": 1}}, {"metadata": {}}, []),
    ({"image": "1Gi"}, {"image": "1024Mi"}, [("changed", "image")]),
    ({"env": [{"name": "A", "value": "x"}]}, {"env": [HIDDEN]}, []),
    ({"replicas": {"odd": 1}}, {"replicas": 3}, [("changed", "replicas")]),
    ({"env": [{"name": {"odd": 1}}]}, {"env": [{"name": "A"}]}, [("changed", "env[0].name")]),
    ({"env": [None, 5]}, {"env": [{"name": "A"}]}, [("changed", "env")]),
]


@pytest.mark.parametrize(("wanted", "held", "expected"), DIFFERENCES)
def test_what_counts_as_a_difference(wanted: Any, held: Any, expected: list[tuple[str, str]]) -> None:
    assert [(one.kind, path_text(one.path)) for one in differences(wanted, held)] == expected


def test_values_under_names_of_secrets_are_not_quoted() -> None:
    assert value_text("hunter2", ("metadata", "annotations", "db-password")) == ""
    assert value_text({"env": [{"name": "A", "value": "b"}]}, ("spec", ("name", "app"))) == ""
    assert value_text("nginx:1", ("spec", "image")) == "nginx:1"
    assert len(value_text("x" * 1000, ("spec", "image"))) < 110


def test_the_newest_manager_of_a_field_is_its_writer_and_status_writers_are_not() -> None:
    fields = {"f:spec": {"f:replicas": {}}}
    managed = [
        {"manager": "kubectl", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields},
        {"manager": "autoscaler", "time": "2026-01-02T00:00:00Z", "fieldsV1": fields},
        {
            "manager": "controller",
            "time": "2026-01-03T00:00:00Z",
            "fieldsV1": fields,
            "subresource": "status",
        },
    ]
    found = manager_of(managed, ("spec", "replicas"))
    assert found is not None
    assert found.name == "autoscaler"
    assert manager_of(managed, ("spec", "paused")) is None
    assert manager_of("nonsense", ("spec",)) is None


def test_an_object_is_read_with_the_fields_the_views_leave_out(tmp_path: Path) -> None:
    made = workload("Deployment", "web") | {"unheard": {"of": 1}}
    cluster = Cluster(CaseSource(make_case(tmp_path / "case", [made, workload("Deployment", "api")])))
    assert cluster.read_raw_object(Deployment, "shop", "web")["unheard"] == {"of": 1}
    with pytest.raises(NotFound):
        cluster.read_raw_object(Deployment, "shop", "gone")


def test_an_object_of_a_list_the_case_does_not_hold_is_not_said_to_be_absent(tmp_path: Path) -> None:
    cluster = Cluster(CaseSource(make_case(tmp_path / "case", [], without=("Deployment",))))
    with pytest.raises(NotCollected):
        cluster.read_raw_object(Deployment, "shop", "web")


ODD: list[Any] = [
    None,
    5,
    "x",
    [],
    [None],
    [5],
    {"a": None},
    {"name": {"odd": 1}},
    [{"name": None}],
    [[["deep"]]],
]
PLACES = ["spec", "spec.containers", "spec.containers.0", "spec.containers.0.env.0.name", "metadata.labels"]


@pytest.mark.parametrize("place", PLACES)
def test_odd_values_in_a_manifest_break_nothing(place: str, tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [live(applied=FRONTEND), node()])
    file = tmp_path / "odd.yaml"
    session = notebook.open("pods", case=str(case), namespace="shop", target="pod/front", manifest=str(file))
    *above, last = [int(token) if token.isdigit() else token for token in place.split(".")]
    for odd in ODD:
        text = asked()
        inner: Any = text
        for token in above:
            inner = inner[token]
        inner[last] = odd
        file.write_text(json.dumps(text))
        assert session.manifest().data.status != "failed"
