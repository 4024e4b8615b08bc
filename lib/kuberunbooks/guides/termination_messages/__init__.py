"""The guide "Determine the Reason for Pod Failure": steps TM-02 to TM-08 of the specification.

TM-01 of the specification only makes a pod to try it on, which is nothing to diagnose.
"""

from .guide import GUIDE

__all__ = ["GUIDE"]
