"""Streams of APIs that answer JSON, each described and none programmed."""
