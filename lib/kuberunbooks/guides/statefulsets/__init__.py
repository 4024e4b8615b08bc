"""The statefulsets runbook: pods with a number, a name and a volume of their own, and the order they keep."""

from .guide import GUIDE

__all__ = ["GUIDE"]
