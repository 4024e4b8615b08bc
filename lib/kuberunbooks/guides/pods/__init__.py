"""The guide "Debug Pods": steps DP-01 to DP-14 of the specification, in the order of the notebook."""

from .guide import GUIDE

__all__ = ["GUIDE"]
