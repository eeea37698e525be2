"""The verb `nightly`: a whole night, its steps and its record."""
