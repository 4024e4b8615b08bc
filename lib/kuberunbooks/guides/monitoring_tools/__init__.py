"""The guide "Tools for monitoring resources": MT-01 to MT-08, which tools there are and what they saw."""

from .guide import GUIDE

__all__ = ["GUIDE"]
