"""Resource quantities: numbers in base units (cores, bytes), and text for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2}|[KMGTPE]i|[numkMGTPE])?")


@lru_cache(maxsize=4096)
def _parse(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise InvalidOperation(text)  # Decimal itself would take "NaN" and "Infinity", and spaces
    for suffix, power in _BINARY.items():
        if text.endswith(suffix):
            return Decimal(text[:-2]) * (1 << power)
    last = text[-1:]
    if last and last in _DECIMAL and not last.isdigit():
        return Decimal(text[:-1]).scaleb(_DECIMAL[last])
    return Decimal(text)


def parse_quantity(value: Any) -> Decimal:
    """`100m` is 0.1, `64Mi` is 67108864; also n, u, k and e-notation. Unreadable text counts as 0.

    Grammar: k8s.io/apimachinery/pkg/api/resource. Same numbers as
    kubernetes.utils.parse_quantity, without importing that client.
    """
    try:
        return _parse(str(value))
    except InvalidOperation:
        return Decimal(0)


def quantity_text(resource: str, amount: Decimal) -> str:
    """An amount for people: cpu as `900m` or `2`, memory and storage as `64Mi`, the rest as a number."""
    if resource.endswith("cpu"):
        return f"{int(amount)}" if amount == int(amount) else f"{int(amount * 1000)}m"
    if "memory" in resource or "storage" in resource or "hugepages" in resource:
        for suffix in ("Ti", "Gi", "Mi", "Ki"):
            unit = Decimal(1 << _BINARY[suffix])
            if amount >= unit:
                scaled = amount / unit
                return f"{int(scaled)}{suffix}" if scaled == int(scaled) else f"{scaled:.1f}{suffix}"
    return f"{int(amount)}" if amount == int(amount) else f"{amount.normalize()}"


def add(total: dict[str, Decimal], more: Mapping[str, Any]) -> None:
    """Adds quantities to `total`, resource by resource."""
    for resource, value in more.items():
        total[resource] = total.get(resource, Decimal(0)) + parse_quantity(value)
