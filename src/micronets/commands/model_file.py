"""`read` and `write`: a model from its `.tflite`, and back."""

from __future__ import annotations

from pathlib import Path

from micronets import tflite
from micronets.arguments import checked
from micronets.errors import FileError
from micronets.files import write_atomic
from micronets.quantized.model import QuantizedModel


@checked
def write(model: QuantizedModel, path: str | Path, portable: bool = False) -> Path:
    """Writes a model as `.tflite`, for which `read` is the inverse, and returns the path.

    - `model`: the model.
    - `path`: the file that is written.
    - `portable`: whether the file opens in the full TensorFlow Lite interpreter too; it is a little larger.

    Raises `SpecError` and `UnsupportedError` for a model that cannot be written, `FileError` for the file.
    """
    target = Path(path)
    try:
        write_atomic(target, tflite.write(model, portable))
    except OSError as e:
        raise FileError(f"{target}: cannot write this model ({e.strerror or e}); name another place") from e
    return target


@checked
def read(path: str | Path) -> QuantizedModel:
    """Reads the model in an int8 `.tflite`, ours or a third party's. Raises `FileError`, `SpecError`,
    `UnsupportedError`.
    """
    return tflite.read_file(Path(path)).model
