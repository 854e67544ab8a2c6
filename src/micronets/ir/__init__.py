"""What a network is: layers, shapes and search spaces. This folder needs nothing but the standard library."""
