"""Everything that can be known before work starts."""
