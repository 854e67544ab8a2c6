"""`ScoreFile`: losses of networks by a key, in a file that several searches read and extend, even concurrently."""

from __future__ import annotations

import json
from pathlib import Path


class ScoreFile:
    """Losses that this search or another one computed; each is a line of JSON, appended to the file.

    A killed process may leave an incomplete line. It is not JSON, even joined with the next line, and is skipped.

    - `path`: the file, created with the first loss.
    - `basis`: identifies everything besides the network that decides a loss; losses of another basis are skipped.
    """

    def __init__(self, path: Path, basis: str) -> None:
        self.path, self.basis = path, basis
        self._known: dict[str, float] = {}
        self._read = 0  # bytes of the file

    def get(self, key: str) -> float | None:
        """Returns the loss of a network; None if it is unknown."""
        if key not in self._known:
            self._read_new_lines()
        return self._known.get(key)

    def add(self, key: str, loss: float) -> None:
        """Adds the loss of a network."""
        self._known[key] = loss
        line = json.dumps({"basis": self.basis, "network": key, "loss": loss}) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode())

    def _read_new_lines(self) -> None:
        """Reads the complete lines that were added since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                added = file.read()
        except FileNotFoundError:
            return
        whole = added.rfind(b"\n") + 1
        self._read += whole
        for line in added[:whole].splitlines():
            try:
                found = json.loads(line)
                basis, key, loss = found["basis"], found["network"], float(found["loss"])
            except (ValueError, TypeError, KeyError):
                continue
            if basis == self.basis:
                self._known[key] = loss
