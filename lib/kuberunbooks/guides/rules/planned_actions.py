"""What would be done as one table: object, verb, command, image, profile, and what speaks against it.

Shown by every step that acts, before it does anything; without an actor it is all the step has to say
beside the transcripts that somebody else made.
"""

from __future__ import annotations

from collections.abc import Iterable

from kuberunbooks.acting import Action, Planned
from kuberunbooks.findings import Column, Table

_COLUMNS = ("what", "request", "image", "profile", "permitted", "by hand")


def planned_actions(planned: Iterable[Action | Planned], caption: str = "What would be done") -> Table:
    """A row for each; of a bare Action nobody asked whether it is permitted."""
    return Table(
        caption=caption, columns=[Column(name=name) for name in _COLUMNS], rows=list(map(_row, planned))
    )


def _row(one: Action | Planned) -> list[str]:
    action = one.action if isinstance(one, Planned) else one
    what = f"{action.words} (cannot be undone)" if action.irreversible else action.words
    request = f"{action.verb} {action.object} -n {action.namespace}"
    permitted = _permitted(one) if isinstance(one, Planned) else "not asked"
    return [what, request, action.image, action.profile, permitted, action.command]


def _permitted(plan: Planned) -> str:
    if plan.refusals:
        return "no: " + "; ".join(f"{one.what}: {one.why}" for one in plan.refusals)
    said = "yes, tried with a dry run" if plan.dry_run else "yes"
    return f"{said}; {' '.join(plan.warnings)}" if plan.warnings else said
