"""The guide "Debug Services": SV-00 to SV-16."""

from .guide import GUIDE

__all__ = ["GUIDE"]
