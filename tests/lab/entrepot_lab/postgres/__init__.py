"""PostgreSQL servers, databases and readers."""
