"""Recognises models of other tools that are given in place of a `.tflite`, and says how to convert them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from micronets.files import DAMAGE
from micronets.tflite.schema import IDENTIFIER

CONVERSIONS = {
    "keras": "tf.lite.TFLiteConverter.from_keras_model, with a representative_dataset for int8",
    "saved_model": "tf.lite.TFLiteConverter.from_saved_model, with a representative_dataset for int8",
    "graph": "tf.compat.v1.lite.TFLiteConverter.from_frozen_graph, with a representative_dataset for int8",
    "onnx": "micronets import MODEL.onnx --calibrate DATA --out model.tflite",
    "weights": "build the network with its own program, load them into it, and convert that",
    "source": "take the model that it was made of, in Keras, TensorFlow, ONNX or PyTorch, and convert that",
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
    ".pte": ("a program of ExecuTorch", "torch"),
    ".safetensors": ("weights without a network", "weights"),
    ".ckpt": ("weights without a network", "weights"),
    ".tf": ("weights without a network", "weights"),
    ".weights": ("weights without a network", "weights"),
    ".mlmodel": ("a model of Core ML", "source"),
    ".pkl": ("an object of Python", "source"),
    ".joblib": ("an object of Python", "source"),
}
"""What a file is, by the ending of its name, and which of `CONVERSIONS` it takes."""

_HDF5 = b"\x89HDF\r\n\x1a\n"


def foreign_model(path: Path, content: bytes | None = None) -> str | None:
    """Returns what a model of another tool is and how it becomes a `.tflite`, in one line; None for anything else.

    - path: the model's file, or a directory, such as that of a SavedModel.
    - content: the bytes of the file; None for a directory.
    """
    if content is None and not (path / "saved_model.pb").is_file():
        beside = path / "model.tflite"  # as in the directory of a run
        return f"a directory; give the model in it, {beside}" if beside.is_file() else "a directory, not a .tflite"
    content = content or b""
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
    elif (inside := _ending_of_archive(content)) is not None:
        what, way = _BY_ENDING[inside]
    else:
        return _no_model(content)
    return f"{what}, not a .tflite; convert it: {CONVERSIONS[way]} (docs/conversion.md)"


def _ending_of_archive(content: bytes) -> str | None:
    """Returns the ending that a Keras or PyTorch model in a zip archive should have; None for anything else."""
    if not content.startswith(b"PK\3\4"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except DAMAGE:
        return None
    return ".keras" if {"config.json", "metadata.json"} <= names else ".pt" if "data.pkl" in names else None


def _no_model(content: bytes) -> str | None:
    """Returns what a file is that was saved in place of a model, and what to do; None for anything else."""
    start = content[:4096].lstrip()
    if content.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS in place of the model; fetch the model: git lfs pull"
    if start[:9].lower() in (b"<!doctype", b"<html>") or start[:5].lower() == b"<html":
        return "a page of the web in place of the model; download the file itself"
    if b"unsigned char" in start or b"uint8_t" in start:
        return "a model as text of C; give the .tflite that the text was made of"
    if not content:
        return "an empty file; copy the model again"
    return None
