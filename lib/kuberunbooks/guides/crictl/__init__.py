"""The guide "Debugging Kubernetes nodes with crictl": a node's runtime against the API."""

from .guide import GUIDE

__all__ = ["GUIDE"]
