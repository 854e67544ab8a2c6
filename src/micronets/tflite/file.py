"""`ModelFile`: a `.tflite` as it was read, for all that need both its bytes and the model in them."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from micronets.errors import FileError, SpecError
from micronets.quantized.model import QuantizedModel
from micronets.tflite.reader import read
from micronets.tflite.writer import write


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A `.tflite`: its name, its bytes, and the model that they hold.

    name: what errors and results call it; the path, as the user wrote it, where it was read from a file.
    """

    name: str
    content: bytes
    model: QuantizedModel


ModelSource = str | PathLike[str] | QuantizedModel | ModelFile
"""A model as users name it: the path of a `.tflite`, or a model in memory."""


def model_file(model: ModelSource) -> ModelFile:
    """The file of a model, read from its path or made of a model in memory.

    Raises what `read_file` and `write` raise.
    """
    match model:
        case ModelFile():
            return model
        case QuantizedModel():
            return as_file(model, "model")
        case str() | PathLike():
            return read_file(Path(model))
        case _:
            raise SpecError(f"model: is a {type(model).__name__}; give the path of a .tflite, or a QuantizedModel")


def read_file(path: Path) -> ModelFile:
    """The model in the file `path`. Raises `FileError` where it cannot be read, and what `read` raises."""
    try:
        content = path.read_bytes()
    except OSError as e:
        raise FileError(f"{path}: cannot read this model ({e.strerror}); give the path of a .tflite file") from e
    return ModelFile(str(path), content, read(content, str(path)))


def as_file(model: QuantizedModel, name: str) -> ModelFile:
    """A model in memory, as the file that `write` makes of it."""
    return ModelFile(name, write(model), model)
