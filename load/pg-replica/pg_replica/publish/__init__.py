"""The swap, and the previous night."""
