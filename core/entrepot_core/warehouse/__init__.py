"""The warehouse's own schemas, tables and locks."""
