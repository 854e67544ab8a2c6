"""The form of a network: layers, shapes and search spaces. This folder needs nothing but the standard library."""
