"""Singer target for PostgreSQL: COPY batches, each one transaction with its position."""
