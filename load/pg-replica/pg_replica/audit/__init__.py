"""The verb `audit`: append tables compared with the source, and repaired."""
