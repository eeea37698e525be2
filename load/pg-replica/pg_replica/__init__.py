"""Full replication of a PostgreSQL database into a warehouse that is never empty."""
