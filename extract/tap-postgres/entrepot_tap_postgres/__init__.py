"""Singer tap for PostgreSQL: append tables as COPY files, and nothing lost."""
