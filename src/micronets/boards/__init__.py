"""Boards (a TOML file each, with a source for every figure), the targets of their cores, and a battery's life."""
