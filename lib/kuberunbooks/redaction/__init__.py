"""Taking secrets out of every text and structure that leaves a run."""

from .redactor import Redactor

__all__ = ["Redactor"]
