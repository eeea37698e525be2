"""Invented sources."""
