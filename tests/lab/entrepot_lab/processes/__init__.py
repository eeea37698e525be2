"""Commands of the project as processes of a test, started in a few milliseconds."""
