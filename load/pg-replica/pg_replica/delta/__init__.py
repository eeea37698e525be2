"""Delta nights: what changed since the last night, applied in place in one transaction."""
