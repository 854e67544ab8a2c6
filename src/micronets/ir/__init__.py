"""What a network is: layers, shapes, search spaces. Needs nothing but the standard library."""
