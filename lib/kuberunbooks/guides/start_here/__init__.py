"""The guide to begin with when nothing is known: a fast look at everything, and where to look closer."""

from .guide import GUIDE

__all__ = ["GUIDE"]
