"""First models of a replica: sources, staging, and a worked example for partners."""
