"""The guide "Resource metrics pipeline": RM-01 to RM-09, what is measured and what autoscalers make of it."""

from .guide import GUIDE

__all__ = ["GUIDE"]
