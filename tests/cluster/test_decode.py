"""Whatever the server sends becomes objects, or one clear sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kuberunbooks.cluster.decode import decode_item, decode_list
from kuberunbooks.errors import BadAnswer
from kuberunbooks.objects import EndpointSlice, Event, Pod


def listed(*items: Any, **more: Any) -> bytes:
    return json.dumps({"kind": "PodList", "metadata": {}, "items": list(items), **more}).encode()


def test_null_lists_read_as_empty() -> None:
    assert decode_list(Pod, b'{"kind":"PodList","items":null}', "pods").items == []
    found = decode_list(EndpointSlice, b'{"items":[{"endpoints":null,"ports":null}]}', "slices").items[0]
    assert (found.endpoints, found.ports) == (None, None)


def test_a_null_event_time_is_no_error() -> None:
    body = b'{"metadata": {"name": "e"}, "eventTime": null, "series": null, "reason": "Started"}'
    event, lost = decode_item(Event, body, "events")
    assert (event.reason, event.event_time, lost) == ("Started", None, [])


def test_fields_of_a_future_version_are_passed_over() -> None:
    pod = {
        "metadata": {"name": "a", "holograms": [1]},
        "spec": {"quantum": True},
        "status": {"phase": "Dreaming"},
    }
    assert decode_list(Pod, listed(pod), "pods").items[0].phase == "Dreaming"


def test_a_field_of_the_wrong_type_costs_that_field_only_and_is_said() -> None:
    pod = {
        "metadata": {"name": "a"},
        "status": {"phase": "Running", "conditions": "soon", "startTime": "yesterday"},
    }
    found = decode_list(Pod, listed(pod, {"metadata": {"name": "b"}}), "pods")
    assert [item.name for item in found.items] == ["a", "b"]
    assert found.items[0].phase == "Running"
    assert sorted(lost.split("field ")[1].split(" ")[0] for lost in found.dropped) == [
        "status.conditions",
        "status.startTime",
    ]


def test_nulls_beside_a_wrong_type_read_as_absent() -> None:
    pod = {
        "metadata": {"name": "a", "labels": None},
        "spec": {"containers": [None, {"name": None, "image": "i"}]},
    }
    found = decode_list(Pod, listed(pod), "pods").items[0]
    assert found.metadata.labels == {}
    assert [container.image for container in found.spec.containers] == ["i"]


def test_an_item_that_is_no_object_is_left_out_and_said() -> None:
    found = decode_list(Pod, listed({"metadata": {"name": "a"}}, 7), "pods")
    assert [item.name for item in found.items] == ["a"]
    assert found.dropped


def test_the_token_of_the_next_page_is_handed_on() -> None:
    body = b'{"kind":"PodList","metadata":{"continue":"abc","remainingItemCount":5},"items":[]}'
    assert decode_list(Pod, body, "pods").continue_token == "abc"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b"<html><body>Sign in</body></html>", "web page"),
        (b'{"kind":"PodList","items":[{"metadata":{"name":"a"', "cut off"),
        (b"null", "not an object"),
        (b"[1,2]", "not an object"),
        (b'{"kind":"NodeList","apiVersion":"v1","items":[]}', "NodeList"),
        (b'{"kind":"Status","status":"Failure"}', "Status"),
    ],
)
def test_what_is_no_list_of_pods_is_one_sentence(body: bytes, word: str) -> None:
    with pytest.raises(BadAnswer, match=word) as caught:
        decode_list(Pod, body, "api/v1/pods")
    assert "api/v1/pods" in str(caught.value)
