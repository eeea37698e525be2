"""Dumps of whole databases: where they are kept, and how they are taken."""
