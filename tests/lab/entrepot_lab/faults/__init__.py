"""Servers and proxies that fail as they are told."""
