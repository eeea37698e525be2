"""The record of nights in `entrepot_ops`: its session, its lock, its writer."""
