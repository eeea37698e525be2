"""Environment variables, domains, and the Meltano project."""
