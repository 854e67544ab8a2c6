"""`ModelFile`: a `.tflite` as it was read, for everything that needs both its bytes and the model in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Literal

from micronets.cost.tflm_arena import FileTensors, arena_tflm_bytes
from micronets.errors import FileError, SpecError
from micronets.files import read_plain
from micronets.quantized.model import QuantizedModel
from micronets.tflite.foreign import foreign_model
from micronets.tflite.reader import read
from micronets.tflite.stored import stored_tensors
from micronets.tflite.writer import write


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A `.tflite`.

    - name: what errors and results call it; the path, as the user wrote it, where it was read from a file.
    - content: its bytes.
    - model: the model that they hold.
    """

    name: str
    content: bytes
    model: QuantizedModel

    @cached_property
    def tensors(self) -> FileTensors:
        """The tensors of the file, which TFLM's arena depends on."""
        return stored_tensors(self.content, self.model, self.name)

    def arena_tflm_bytes(self, word_bytes: Literal[4, 8]) -> int:
        """Returns the bytes of the smallest arena that TFLM can run this file in.

        - word_bytes: 8 for a 64-bit host, 4 for a Cortex-M; see `cost.tflm_arena.arena_tflm_bytes`.
        """
        return arena_tflm_bytes(self.model.arch, word_bytes, self.tensors)


ModelSource = str | PathLike[str] | QuantizedModel | ModelFile
"""A model as users name it: the path of a `.tflite`, or a model in memory."""


def model_file(model: ModelSource) -> ModelFile:
    """Returns the file of a model, read from its path or made of a model in memory.

    Raises the errors of `read_file` and `write`.
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
    """Returns the model in the file `path`.

    Raises `FileError` for a file that cannot be read or is a model of another tool, and what `read` raises.
    """
    try:
        if path.is_dir() and (other := foreign_model(path)):
            raise FileError(f"{path}: {other}")
        content = read_plain(path)
    except OSError as e:
        raise FileError(f"{path}: cannot read this model ({e.strerror}); give the path of a .tflite file") from e
    if other := foreign_model(path, content):
        raise FileError(f"{path}: {other}")
    return ModelFile(str(path), content, read(content, str(path)))


def as_file(model: QuantizedModel, name: str) -> ModelFile:
    """Returns a model in memory as the file that `write` makes of it; errors and results call it `name`."""
    return ModelFile(name, write(model), model)
