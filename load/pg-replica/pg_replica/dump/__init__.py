"""Dumps: brought here, opened, and read item by item."""
