"""Load methods: upsert, overwrite, replacement of parts."""
