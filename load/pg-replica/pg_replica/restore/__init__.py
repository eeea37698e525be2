"""Items and rows into the build schema, in parallel."""
