"""The guide "Auditing": policy, backends, tuning, metrics, and the log itself: AU-01 to AU-12."""

from .guide import GUIDE

__all__ = ["GUIDE"]
