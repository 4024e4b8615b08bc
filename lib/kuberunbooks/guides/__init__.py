"""One module per runbook, one function per step of the upstream guide."""

from .registry import Guide, guide, guides
from .step import Step, Target, run_step, step

__all__ = ["Guide", "Step", "Target", "guide", "guides", "run_step", "step"]
