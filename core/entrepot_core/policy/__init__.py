"""The table policy, and what it asks of columns."""
