"""Boards (one TOML file each, with a source for every figure), their cores and targets, and battery life."""
