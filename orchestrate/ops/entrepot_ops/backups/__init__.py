"""Dumps and copies of databases, taken and brought back."""
