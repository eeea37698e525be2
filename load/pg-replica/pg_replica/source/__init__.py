"""Replication sources: a live database under its snapshot, or a dump."""
