"""Append tables, loaded from COPY files."""
