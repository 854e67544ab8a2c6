"""Files that are ours but for a change, made through the full schema."""

from collections.abc import Callable
from typing import Any

import pytest

from micronets.quantized.model import QuantizedModel
from micronets.tflite import write


def edited(model: QuantizedModel, change: Callable[[Any], None]) -> bytes:
    """Returns the file of a model after `change` has been made to the tree of its tables; skips without the schema."""
    schema = pytest.importorskip("tflite_micro.tensorflow.lite.micro.python.schema_py_generated")
    import flatbuffers

    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(write(model, portable=True), 0))
    change(parsed)
    builder = flatbuffers.Builder(1024)
    builder.Finish(parsed.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
