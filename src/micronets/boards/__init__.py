"""Boards (a TOML file each, with a source for every figure), their cores and targets, and how long batteries last."""
