"""The guide "Get a shell to a running container": what is in there, by one exec or by what others ran."""

from .guide import GUIDE

__all__ = ["GUIDE"]
