"""Metabase's application database, backed up and restored."""
