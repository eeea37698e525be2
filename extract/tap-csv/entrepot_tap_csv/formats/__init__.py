"""Formats of files that are not cut text: workbooks, and JSON."""
