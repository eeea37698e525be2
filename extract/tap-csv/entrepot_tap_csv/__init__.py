"""Singer tap for CSV files."""
