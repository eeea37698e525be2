"""The command `entrepot`: it starts the verbs of `ops` and `pg-replica`, and imports neither."""
