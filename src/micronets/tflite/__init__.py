"""`.tflite` files: `read` and `write` are inverses on our vocabulary."""

from micronets.tflite.reader import operators, read, tensor_names
from micronets.tflite.writer import write

__all__ = ["operators", "read", "tensor_names", "write"]
