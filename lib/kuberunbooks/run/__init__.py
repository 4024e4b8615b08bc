"""Executing a notebook with papermill and exporting its report."""
