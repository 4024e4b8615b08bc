"""The ephemeral-debug runbook: right way into a pod or its node, what it would do, what came of it."""

from .guide import GUIDE

__all__ = ["GUIDE"]
