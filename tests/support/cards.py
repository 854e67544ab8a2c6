"""Examples of the keyword task as a model with a front end and labels of its own asks for them."""

from collections.abc import Sequence
from pathlib import Path

from micronets import tasks
from micronets.frontend import FrontEnd


def examples(path: Path, fe: FrontEnd, labels: Sequence[str] | None = None, split: str = "test") -> tasks.Examples:
    """Returns keyword examples for a model with this front end and these labels."""
    card = tasks.Card(tuple(labels) if labels else None, fe.to_json(), fe.input_shape, "model.tflite")
    return tasks.examples("kws", card, path, split=split)
