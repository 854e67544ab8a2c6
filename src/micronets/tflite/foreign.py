"""Recognises models of other tools that are given in place of a `.tflite`, and says how to convert them."""

from __future__ import annotations

from pathlib import Path

from micronets.tflite.schema import IDENTIFIER

CONVERSIONS = {
    "keras": "tf.lite.TFLiteConverter.from_keras_model, with a representative_dataset for int8",
    "saved_model": "tf.lite.TFLiteConverter.from_saved_model, with a representative_dataset for int8",
    "graph": "tf.compat.v1.lite.TFLiteConverter.from_frozen_graph, with a representative_dataset for int8",
    "onnx": "micronets import MODEL.onnx --calibrate DATA --out model.tflite",
    "torch": "mn.from_torch(module, example) in Python, or torch.onnx.export and micronets import MODEL.onnx",
}
"""How a model of each kind becomes an int8 `.tflite`; the documentation has whole programs (docs/conversion.md)."""

_BY_ENDING = {
    ".h5": ("a Keras model in HDF5", "keras"),
    ".hdf5": ("a Keras model in HDF5", "keras"),
    ".keras": ("a Keras model", "keras"),
    ".pb": ("a graph of TensorFlow", "graph"),
    ".onnx": ("an ONNX model", "onnx"),
    ".pt": ("a PyTorch model", "torch"),
    ".pth": ("a PyTorch model", "torch"),
}
"""What a file is, by the ending of its name, and which of `CONVERSIONS` it takes."""

_HDF5 = b"\x89HDF\r\n\x1a\n"


def foreign_model(path: Path, content: bytes = b"") -> str | None:
    """Tells what a model of another tool is and how it becomes a `.tflite`, in one line; None for anything else.

    - path: the model's file, or the directory of a SavedModel.
    - content: the bytes of the file.
    """
    if content[4:8] == IDENTIFIER:  # a .tflite, whatever the file is called
        return None
    ending = path.suffix.lower()
    if (path / "saved_model.pb").is_file():
        what, way = "a SavedModel of TensorFlow", "saved_model"
    elif path.name == "saved_model.pb":
        what, way = "the graph of a SavedModel; its directory is what is converted", "saved_model"
    elif ending in _BY_ENDING:
        what, way = _BY_ENDING[ending]
    elif content.startswith(_HDF5):
        what, way = _BY_ENDING[".h5"]
    else:
        return None
    return f"{what}, not a .tflite; convert it: {CONVERSIONS[way]} (docs/conversion.md)"
