"""`Obstacles`: everything in a file that micronets does not support, so that one message can name all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from micronets.errors import UnsupportedError
from micronets.tflite import schema as s
from micronets.tflite.flatbuffer import FlatTable
from micronets.tflite.tensors import Graph

_MOST_SHOWN = 10  # obstacles that a message names; it counts the others
_LONGEST = 1_400  # characters of a message that names several; errors leave out the middle of longer ones


class FloatModelError(UnsupportedError):
    """An operator computes in float. A message names the first one: the remedy is the same for all."""


class Obstacles:
    """What is not supported in a file, in the order in which it was found.

    - lost: the tensors that operators write which are not supported, by index.
    """

    def __init__(self, graph: Graph) -> None:
        """Begins without any.

        - graph: the tensors of the file; its `where`, the name of the file, begins the message.
        """
        self.lost: set[int] = set()
        self._where = graph.where
        self._found: list[UnsupportedError] = []

    @contextmanager
    def kept(self, operator: FlatTable | None = None) -> Iterator[None]:
        """Keeps an `UnsupportedError` that is raised inside, and continues behind the block.

        - operator: the table of the operator that is then not supported, whose outputs are lost.
        """
        try:
            yield
        except UnsupportedError as e:
            if not (
                isinstance(e, FloatModelError) and any(isinstance(known, FloatModelError) for known in self._found)
            ):
                self._found.append(e)
            outputs = None if operator is None else operator.array(s.OperatorSlot.OUTPUTS, "<i4")
            self.lose(() if outputs is None else outputs.tolist())

    def passed_over(self) -> AbstractContextManager[None]:
        """Drops an `UnsupportedError` that is raised inside: that of a tensor which its own operator names."""
        return suppress(UnsupportedError)

    def lose(self, indices: Iterable[int]) -> None:
        """Notes tensors that an operator writes which is not supported."""
        self.lost.update(indices)

    def check(self) -> None:
        """Raises `UnsupportedError` with everything that was found; the first of it comes with the name of the file."""
        if not self._found:
            return
        if len(self._found) == 1:
            raise self._found[0]
        first, *others = dict.fromkeys(str(error) for error in self._found)
        message, shown = first, 0
        for text in (other.removeprefix(f"{self._where}: ") for other in others[: _MOST_SHOWN - 1]):
            if len(message) + len(text) > _LONGEST:
                break
            message, shown = f"{message}; also {text}", shown + 1
        more = len(others) - shown
        raise UnsupportedError(f"{message}; and {more} more" if more else message) from self._found[0]
