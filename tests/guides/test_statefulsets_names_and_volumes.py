"""The governing Service, and the claims that stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.made_cases import node
from tests.support.numbered import (
    claim,
    claim_template,
    member,
    mounts,
    pending,
    service,
    statefulset,
    storage_class,
    volume,
)

Examine = Callable[..., Any]
Items = list[dict[str, Any]]


def healthy(*others: dict[str, Any], **more: Any) -> Items:
    return [node(), statefulset(**more), *(member(number) for number in range(3)), *others]


@pytest.mark.parametrize(
    ("services", "problem", "words"),
    [
        ([], "missing", "does not exist"),
        ([service(clusterIP="10.0.0.7")], "address", "not headless"),
        ([service(selector={"app": "dbx"})], "selector", "app=dbx, the pods have app=db"),
        ([service(selector={"app": "db", "tier": "x"})], "selector", "tier=x, the pods have no tier"),
        ([service(selector={})], "unselective", "no selector"),
    ],
)
def test_a_governing_service_that_gives_no_names(
    services: Items, problem: str, words: str, examine: Examine
) -> None:
    found = examine(healthy(*services), "db", guide="statefulsets")
    wrong = found.one("StatefulSetServiceMissing")
    assert wrong.facts["problem"] == problem
    assert words in wrong.summary
    assert found.serious() == {"StatefulSetServiceMissing"}


def test_a_right_service_is_good_news(examine: Examine) -> None:
    assert "StatefulSetServiceRight" in examine(healthy(service()), "db", guide="statefulsets").codes()


def test_without_a_service_name_no_names_are_wanted(examine: Examine) -> None:
    found = examine(healthy(spec={"serviceName": ""}), "db", guide="statefulsets")
    assert found.serious() == set()


def test_services_that_may_not_be_read_claim_nothing(examine: Examine) -> None:
    found = examine(healthy(), "db", guide="statefulsets", without=("Service",))
    assert "StatefulSetServiceMissing" not in found.codes()


def test_a_service_may_be_applied_after_its_statefulset(examine: Examine) -> None:
    found = examine(healthy(age=20), "db", guide="statefulsets")
    assert "StatefulSetServiceMissing" not in found.codes()


def test_two_statefulsets_of_one_service_are_judged_each(examine: Examine) -> None:
    items = healthy(service(), statefulset("mq", replicas=0, spec={"serviceName": "db"}))
    found = examine(items, guide="statefulsets")
    assert found.one("StatefulSetServiceMissing").facts["set_name"] == "mq"
    assert "statefulset/db" in found.one("StatefulSetServiceRight").summary


TEMPLATES = {"volumeClaimTemplates": [claim_template()]}


def with_claims(*claims: dict[str, Any], **more: Any) -> Items:
    spec = {**TEMPLATES, **more.pop("spec", {})}
    pods = [member(number, spec=mounts(number)) for number in range(3)]
    return [node(), statefulset(spec=spec, **more), *pods, service(), storage_class(), *claims]


BOUND = [claim(f"data-db-{number}") for number in range(3)]


def test_bound_claims_are_shown_and_no_news(examine: Examine) -> None:
    found = examine(with_claims(*BOUND), "db", guide="statefulsets")
    assert found.serious() == set()
    table = found.steps["SS-08"].exhibits[0]
    assert [row[0] for row in table.rows] == ["data-db-0", "data-db-1", "data-db-2"]


def waiting(mode: str, *, age: float = 1500, provisioner: str = "csi.example.com") -> Items:
    """db-0 has no node, its claim no volume."""
    said = "0/1 nodes are available: 1 Insufficient cpu."
    top = statefulset(replicas=1, ready=0, spec=TEMPLATES)
    held = claim("data-db-0", phase="Pending", age=age)
    of_class = storage_class(mode=mode, provisioner=provisioner)
    return [node(), top, service(), pending(0, said, spec=mounts(0)), held, of_class]


def test_a_claim_that_waits_for_its_pods_node_is_no_fault_of_its_own(examine: Examine) -> None:
    found = examine(waiting("WaitForFirstConsumer"), "db", guide="statefulsets")
    assert "StatefulSetPvcUnbound" not in found.codes()
    assert "StatefulSetPvcUnbound" in examine(waiting("Immediate"), "db", guide="statefulsets").codes()


def test_a_claim_just_made_is_given_time(examine: Examine) -> None:
    found = examine(waiting("Immediate", age=60), "db", guide="statefulsets")
    assert "StatefulSetPvcUnbound" not in found.codes()


def test_a_claim_of_a_class_without_provisioner_waits_in_vain_when_no_volume_is_free(
    examine: Examine,
) -> None:
    items = waiting("WaitForFirstConsumer", provisioner="kubernetes.io/no-provisioner")
    assert "StatefulSetPvcUnbound" in examine(items, "db", guide="statefulsets").codes()
    free = volume("disk-1", phase="Available")
    assert "StatefulSetPvcUnbound" not in examine([*items, free], "db", guide="statefulsets").codes()
    unread = examine(items, "db", guide="statefulsets", without=("PersistentVolume",))
    assert "StatefulSetPvcUnbound" not in unread.codes()


def test_a_lost_claim_is_a_fault_whatever_the_class(examine: Examine) -> None:
    items = waiting("WaitForFirstConsumer")
    items[4]["status"]["phase"] = "Lost"
    assert (
        "lost its volume" in examine(items, "db", guide="statefulsets").one("StatefulSetPvcUnbound").summary
    )


def test_claims_left_by_a_scale_down_are_named_with_their_sizes(examine: Examine) -> None:
    left = [claim("data-db-3", size="20Gi"), claim("data-db-10", size="7Gi")]
    others = [claim("data-db-x-3"), claim("logs-db-3"), claim("data-dbx-3")]
    found = examine(with_claims(*BOUND, *left, *others), "db", guide="statefulsets")
    told = found.one("StatefulSetClaimsRetained")
    assert told.facts["claims"] == ["data-db-3", "data-db-10"]
    assert "20Gi" in told.summary
    assert found.serious() == set()


def test_claims_of_a_pod_that_is_still_leaving_are_not_left(examine: Examine) -> None:
    leaving = member(3, spec=mounts(3))
    found = examine(with_claims(*BOUND, claim("data-db-3"), leaving), "db", guide="statefulsets")
    assert "StatefulSetClaimsRetained" not in found.codes()


def test_claims_that_differ_from_their_template_are_told(examine: Examine) -> None:
    grown = [
        claim("data-db-0", size="50Gi"),
        claim("data-db-1", of_class="slow"),
        claim("data-db-2", size="5120Mi"),
    ]
    found = examine(with_claims(*grown), "db", guide="statefulsets")
    told = found.one("StatefulSetClaimDiffers").facts["differences"]
    assert told == [
        "data-db-0 has size 50Gi, the template says 5Gi",
        "data-db-1 has class slow, the template says fast",
    ]


def test_a_template_without_a_class_differs_from_none(examine: Examine) -> None:
    spec = {"volumeClaimTemplates": [claim_template(of_class=None)]}
    found = examine(with_claims(*BOUND, spec=spec), "db", guide="statefulsets")
    assert "StatefulSetClaimDiffers" not in found.codes()


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"whenScaled": "Delete", "whenDeleted": "Retain"}, "Scaling down"),
        ({"whenScaled": "Retain", "whenDeleted": "Delete"}, "Deleting"),
        ({"whenScaled": "Delete", "whenDeleted": "Delete"}, "Scaling down or deleting"),
        ({"whenScaled": "Retain", "whenDeleted": "Retain"}, ""),
    ],
)
def test_a_retention_policy_that_deletes_data_is_told(
    policy: dict[str, str], words: str, examine: Examine
) -> None:
    items = with_claims(*BOUND, claim("data-db-3"), spec={"persistentVolumeClaimRetentionPolicy": policy})
    found = examine(items, "db", guide="statefulsets")
    told = [one.summary for one in found.findings if one.code == "StatefulSetClaimsDeleted"]
    assert [text.split(" statefulset/db")[0] for text in told] == ([words] if words else [])
    assert ("StatefulSetClaimsRetained" in found.codes()) is (policy["whenScaled"] == "Retain")


def test_the_place_of_a_volume_stands_beside_the_pods_node(examine: Examine) -> None:
    said = "0/1 nodes are available: 1 node(s) had volume node affinity conflict."
    top = statefulset(replicas=1, ready=0, spec=TEMPLATES)
    items = [node(), top, service(), pending(0, said, spec=mounts(0)), storage_class()]
    items += [claim("data-db-0", volume="pv-1"), volume("pv-1", zone="eu-1b")]
    found = examine(items, "db", guide="statefulsets")
    assert found.headline.code == "VolumeNodeAffinityConflict"
    table = found.steps["SS-08"].exhibits[0]
    row = dict(zip((column.name for column in table.columns), table.rows[0], strict=True))
    assert (row["PLACE"], row["POD'S NODE"]) == ("eu-1b", "none yet")


def test_claims_that_may_not_be_read_are_not_called_absent(examine: Examine) -> None:
    found = examine(with_claims(), "db", guide="statefulsets", without=("PersistentVolumeClaim",))
    table = found.steps["SS-01"].exhibits[0]
    assert "data-db-0: not read" in table.rows[0]
    assert found.serious() == set()
