"""The windows-networking guide: pods and nodes of Windows, their images, networks and limits."""

from .guide import GUIDE

__all__ = ["GUIDE"]
