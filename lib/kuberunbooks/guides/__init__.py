"""One module per runbook, one function per step of the upstream guide."""

from .documents import Change, Manifest
from .registry import Guide, guide, guides
from .step import NotChecked, Step, Target, run_step, step

__all__ = [
    "Change",
    "Guide",
    "Manifest",
    "NotChecked",
    "Step",
    "Target",
    "guide",
    "guides",
    "run_step",
    "step",
]
