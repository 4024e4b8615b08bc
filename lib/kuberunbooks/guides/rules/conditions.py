"""Citing a condition of an object: which entry of status.conditions it is, and what it says."""

from __future__ import annotations

from kuberunbooks.objects import ConditionedObject, Evidence, read_path


def condition_path(one: ConditionedObject, type_: str) -> str:
    """Where the condition of that type stands: `status.conditions[2]`; leads nowhere when it is absent."""
    for index, condition in enumerate(one.status.conditions):
        if condition.type == type_:
            return f"status.conditions[{index}]"
    return f"status.conditions[type={type_}]"


def cite_absent_condition(one: ConditionedObject, type_: str) -> Evidence:
    """Evidence that there is no condition of that type."""
    return one.cite(f"status.conditions[type={type_}]", "absent")


def cite_condition(one: ConditionedObject, type_: str, *fields: str) -> list[Evidence]:
    """Evidence for the fields of one condition, or that it is absent.

    `fields` are in API spelling (`status`, `lastTransitionTime`). Those the condition
    does not have are left out, except `status`.
    """
    condition = one.condition(type_)
    if condition is None:
        return [cite_absent_condition(one, type_)]
    path = condition_path(one, type_)
    said = [field for field in fields if field == "status" or read_path(condition, field)]
    return [one.cite(f"{path}.{field}") for field in ("type", *said)]
