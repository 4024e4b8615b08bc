"""What NetworkPolicies let in, side by side, for who wants to see all of it. Called by `policies`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kuberunbooks.findings import Column, Table

from ..rules.network_policies import describe_peers, describe_ports
from .policy_situations import Situation, names_of, service_names
from .target import Services

_MOST_ROWS = 30
_MOST_QUOTED = 3


def situation_table(target: Services, situations: Sequence[Situation]) -> Iterator[Table]:
    """What is let in, one row per situation; none when no policy selects the pods."""
    found = [one for one in situations if one.policies]
    if found:
        rows = [
            [
                _few(service_names(target, one.backings)),
                _few(sorted(one.ports)),
                _few(names_of(one.policies)),
                _let_in(one),
            ]
            for one in found[:_MOST_ROWS]
        ]
        yield Table(
            caption="What NetworkPolicies let in to the pods behind the Services",
            columns=[Column(name=name) for name in ("Services", "Ports of the pods", "Policies", "Let in")],
            rows=rows,
            omitted=max(0, len(found) - _MOST_ROWS),
        )


def _let_in(one: Situation) -> str:
    match one.access:
        case "open":
            return "everybody"
        case "pods":
            return "every pod"
        case "closed":
            return "nobody"
        case "port":
            return f"only at {_few(describe_ports(one.rules))}"
        case "admitted":
            return f"the client ({_few(describe_peers(one.rules)) or 'everybody'})"
        case "barred":
            return f"not the client: {_few(describe_peers(one.rules))}"
        case _:
            return _few(describe_peers(one.rules))


def _few(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_MOST_QUOTED])
    return f"{shown} and {len(texts) - _MOST_QUOTED} more" if len(texts) > _MOST_QUOTED else shown
