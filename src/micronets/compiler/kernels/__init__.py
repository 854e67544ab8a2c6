"""A network's layers as calls of kernels: choice, weights, tables."""
