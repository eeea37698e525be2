"""Objects and sessions of the warehouse."""
