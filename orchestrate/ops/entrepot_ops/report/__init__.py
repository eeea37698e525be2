"""The verbs `report`, `status` and `import-log`: what the record tells."""
