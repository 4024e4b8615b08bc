"""The guide "Debug Running Pods", what of it only reads: RP-01 to RP-12, RP-21, and what it leaves out."""

from .guide import GUIDE

__all__ = ["GUIDE"]
