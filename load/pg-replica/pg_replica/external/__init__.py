"""The verb `publish-external`: the partners' tables."""
