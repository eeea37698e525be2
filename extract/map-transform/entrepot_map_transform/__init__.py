"""Stream maps with pseudonyms."""
