"""The guide "Debug Init Containers": steps IC-01 to IC-05, in the order of the notebook."""

from .guide import GUIDE

__all__ = ["GUIDE"]
