"""PostgreSQL: connections, identifiers, catalogs, client tools, one pinned snapshot."""
