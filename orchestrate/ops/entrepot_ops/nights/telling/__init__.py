"""How a night tells of its progress: a live table, lines, or JSON for programs."""
