"""Turning step results into what people read: cell output, report.html, report.json, summary.md."""

from .cell import html_of, text_of

__all__ = ["html_of", "text_of"]
