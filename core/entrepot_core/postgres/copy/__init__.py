"""COPY between two servers, or between files and a server."""
