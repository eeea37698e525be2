"""What every command line shares: its variables, its help."""
