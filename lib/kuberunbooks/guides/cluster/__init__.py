"""The guide to a cluster as a whole: its nodes, its control plane, and what failed.

Upstream: Troubleshooting Clusters.
"""

from .guide import GUIDE

__all__ = ["GUIDE"]
