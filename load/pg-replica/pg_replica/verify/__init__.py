"""Verification before publishing."""
