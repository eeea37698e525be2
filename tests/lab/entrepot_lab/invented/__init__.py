"""Invented databases: generated objects, rows and histories, compared after a night."""
