"""`.tflite` files: `read` turns one into a `QuantizedModel`, and `write` turns a `QuantizedModel` into one."""

from micronets.tflite.file import ModelFile, ModelSource, as_file, model_file, read_file
from micronets.tflite.reader import operators, operators_run, read, tensor_names
from micronets.tflite.writer import write

__all__ = [
    "ModelFile",
    "ModelSource",
    "as_file",
    "model_file",
    "operators",
    "operators_run",
    "read",
    "read_file",
    "tensor_names",
    "write",
]
