"""Label and field selectors select what the API server would."""

from __future__ import annotations

import itertools

import pytest

from kuberunbooks.objects import (
    LabelSelector,
    SelectorRequirement,
    parse_fields,
    parse_labels,
    requirement_holds,
)

LABELS = {"app": "web", "tier": "front", "example.com/team": "blue", "empty": ""}


@pytest.mark.parametrize(
    ("text", "selects"),
    [
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app=db", False),
        ("app!=db", True),
        ("app!=web", False),
        ("absent!=anything", True),
        ("app in (db, web)", True),
        ("app in (db)", False),
        ("app notin (db)", True),
        ("absent notin (db)", True),
        ("app", True),
        ("!app", False),
        ("!absent", True),
        ("absent", False),
        ("app=web,tier in (front,back),!canary", True),
        ("app=web,tier=back", False),
        ("example.com/team=blue", True),
        ("empty=", True),
        ("app=", False),
        ("", True),
    ],
)
def test_a_selector_selects_as_kubectl_does(text: str, selects: bool) -> None:
    assert parse_labels(text).matches(LABELS) is selects


@pytest.mark.parametrize(
    "text", ["app=a=b", "app in web", "in (a)", "app=web tier=front", "=web", "a b", "app=(x)"]
)
def test_what_is_no_selector_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a label selector"):
        parse_labels(text)


def test_the_text_of_a_selector_selects_the_same() -> None:
    selector = LabelSelector(
        match_labels={"app": "web"},
        match_expressions=[
            SelectorRequirement("tier", "In", ["front", "back"]),
            SelectorRequirement("env", "NotIn", ["test"]),
            SelectorRequirement("app", "Exists", []),
            SelectorRequirement("canary", "DoesNotExist", []),
        ],
    )
    again = parse_labels(selector.text())
    values = (None, "web", "front", "test")
    for app, tier, env, canary in itertools.product(values, repeat=4):
        pairs = {"app": app, "tier": tier, "env": env, "canary": canary}
        labels = {key: value for key, value in pairs.items() if value is not None}
        assert again.matches(labels) is selector.matches(labels), labels


@pytest.mark.parametrize(
    ("operator", "values", "label", "holds"),
    [
        ("In", ["a"], "a", True),
        ("In", ["a"], None, False),
        ("NotIn", ["a"], None, True),
        ("Exists", [], "", True),
        ("DoesNotExist", [], None, True),
        ("Gt", ["5"], "6", True),
        ("Gt", ["5"], "5", False),
        ("Lt", ["5"], "4", True),
        ("Gt", ["5"], "many", False),
        ("Gt", ["5"], None, False),
        ("Resembles", ["a"], "a", False),
    ],
)
def test_every_operator_holds_when_the_server_says_so(
    operator: str, values: list[str], label: str | None, holds: bool
) -> None:
    labels = {} if label is None else {"key": label}
    assert requirement_holds(SelectorRequirement("key", operator, values), labels) is holds


def test_field_selectors_are_pairs_that_must_or_must_not_be_equal() -> None:
    assert parse_fields("spec.nodeName=n1,status.phase!=Failed,metadata.name==x") == [
        ("spec.nodeName", "n1", True),
        ("status.phase", "Failed", False),
        ("metadata.name", "x", True),
    ]
    with pytest.raises(ValueError, match="is not a field selector"):
        parse_fields("spec.nodeName")
