"""dbt on the warehouse that TARGET_DATABASE_URL names."""
