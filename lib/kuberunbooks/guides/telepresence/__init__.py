"""The guide "Developing and debugging services locally using telepresence": TP-01 to TP-08."""

from .guide import GUIDE

__all__ = ["GUIDE"]
