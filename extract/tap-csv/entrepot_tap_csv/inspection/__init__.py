"""A definition proposed for a file from a sample of it; nothing of this runs at night."""
