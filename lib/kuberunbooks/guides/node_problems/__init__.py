"""The node-problems guide: node problem detector, what it reports, and what its rules would have matched."""

from .guide import GUIDE

__all__ = ["GUIDE"]
