"""Local PostgreSQL servers, an invented source and faults, for the demo and the tests."""
