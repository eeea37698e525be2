"""Columns that look personal: by names, types and comments, and by what a few values look like."""
