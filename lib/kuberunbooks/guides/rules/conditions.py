"""Citing a condition of an object: which entry of status.conditions it is, and what it says."""

from __future__ import annotations

from kuberunbooks.objects import Evidence, Node, Pod, read_path


def cite_condition(one: Pod | Node, type_: str, *fields: str) -> list[Evidence]:
    """Evidence for the fields of one condition (`status`, `reason`, `message`), or that it is absent.

    Fields the condition does not have are left out, except `status`.
    """
    for index, condition in enumerate(one.status.conditions):
        if condition.type == type_:
            path = f"status.conditions[{index}]"
            cited = [one.cite(f"{path}.type")]
            return cited + [
                one.cite(f"{path}.{field}")
                for field in fields
                if field == "status" or read_path(condition, field)
            ]
    return [one.cite(f"status.conditions[type={type_}]", "absent")]
