"""Boards: a TOML file each with a source for every figure, and what a battery lasts on them."""
