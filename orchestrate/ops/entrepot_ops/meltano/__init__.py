"""Meltano and dbt: their project, processes, logs and results."""
