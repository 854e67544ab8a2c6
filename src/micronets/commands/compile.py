"""`compile`: writes a `.tflite` as C into a directory, unless it cannot fit the board."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from micronets import output_directory
from micronets.arguments import checked
from micronets.boards.board import Board, load_board
from micronets.compiler.generate.names import name_from
from micronets.compiler.kernels.goal import DEFAULT_GOAL
from micronets.cost.costs import ESTIMATED
from micronets.errors import SpecError
from micronets.files import is_part, link_to_nothing
from micronets.records import JsonObject
from micronets.runtimes import OUR_C, Package, Runtime, runtime_named
from micronets.runtimes.measurement import patches_text
from micronets.terminal import amount
from micronets.tflite import ModelSource, model_file

_FIRST_FILES = ("micronets_tflm.h", "model_data.c", "main.cc", "example.c")
"""Files that the result mentions, if they were written, since users look for them first."""


@dataclass(frozen=True, kw_only=True)
class Compilation(Package):
    """The files that `micronets compile` wrote, and the memory that they need on the board.

    - `model`: the model's path.
    - `out`: the directory that the files are in.
    - `name`: the base of the names of files, functions and macros.
    - `runtime`: the runtime that they are for.
    - `source`: the source of the sizes.
    - `arena_tflm_cortex_m_bytes`: bytes of TFLM's arena on a Cortex-M.
    - `board_sram_bytes`, `board_flash_bytes`: the board's memory.
    - `optimise_asked`: the requested goal for the kernels of our C; `optimise` is the one that fitted the board.
    """

    model: str
    board: str
    runtime: Runtime
    out: str
    name: str
    arena_tflm_cortex_m_bytes: int
    board_sram_bytes: int
    board_flash_bytes: int
    optimise_asked: str = DEFAULT_GOAL
    source: str = ESTIMATED

    def to_json(self) -> JsonObject:
        """Returns the record as `micronets compile --json` prints it, with names of files in place of their text."""
        sizes = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("files", "runtime", "bands")}
        files = sorted([*self.files, output_directory.LIST])
        return {**sizes, "runtime": self.runtime.name, "files": files, "bands": [asdict(b) for b in self.bands]}

    def text(self) -> str:
        """Returns the text of the record for a terminal."""
        arena = self.arena_tflm_compiled_bytes if self.arena_c_bytes is None else self.arena_c_bytes
        assert arena is not None, "a runtime has an arena"
        own = (f"{self.name}.h", f"{self.name}.c", f"{self.name}_frontend.h", f"{self.name}_stream.h")
        told = ", ".join(name for name in (*own, *_FIRST_FILES) if name in self.files)
        lines = [
            f"{self.out}: {len(self.files)} files: {told} and others; README.md says how to build them",
            f"arena {amount(arena, 'B')} of {self.board_sram_bytes:,} "
            f"({self.runtime.arena_beside} {self.arena_tflm_cortex_m_bytes:,})",
            *([patches_text(self.bands)] if self.bands else []),
            *self._goal_lines(),
            *self._tables_lines(),
            f"{self.runtime.constants_are} {amount(self.constant_bytes, 'B')} of {self.board_flash_bytes:,}",
        ]
        return "\n".join(lines)

    def _tables_lines(self) -> list[str]:
        """Returns a line about weights and tables in SRAM, if there are any."""
        if self.optimise != "fastest" or self.sram_c_bytes is None:
            return []
        return [f"SRAM {amount(self.sram_c_bytes, 'B')} of {self.board_sram_bytes:,}: arena, stack, weights and tables"]

    def _goal_lines(self) -> list[str]:
        """Returns a line about a requested goal that does not fit the board, if so."""
        if self.optimise in (None, self.optimise_asked):
            return []
        return [f"kernels chosen for {self.optimise}: with those for {self.optimise_asked} the model does not fit"]


@checked
def compile(
    model: ModelSource,
    board: str | Path | Board,
    out: str | Path,
    runtime: str | Runtime = OUR_C,
    patches: str = "auto",
    name: str | None = None,
    camera: str = "",
    optimise: str = DEFAULT_GOAL,
) -> Compilation:
    """Writes the C of a model to the directory `out`, completely or not at all, and returns its memory needs on the
    board.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `board`: a name, the path of a board's TOML file, or a board.
    - `out`: the directory that is written.
    - `runtime`: "c" for our own C, or "tflm" for the file itself and what TensorFlow Lite Micro needs to run it.
    - `patches`: which layers of our own C run in patches, see `runtimes.c.arena_limit`.
    - `name`: the base of the names of files, functions and macros (`compiler.generate.names.Names`), so that one
      program can contain several networks; None takes the name of the model's file.
    - `camera`: the camera's frames, for an image model, as width, height and pixel format, such as 160x120:rgb565
      (`frontend.camera.Camera`); the front end for them is then written too.
    - `optimise`: the goal by which kernels of our C are chosen where a faster one takes more memory: "fastest",
      "speed", "balanced" or "size", see `runtimes.c.compile_for`.

    An earlier result is replaced; other files in the directory stay. A directory that contains files but no earlier
    result is refused, and so is one in which a file of an earlier result was edited. Raises `FileError`, `SpecError`,
    `UnsupportedError`, and `DoesNotFit` for a model whose arena or constants exceed the board's memory.
    """
    chosen, where, file = runtime_named(runtime), load_board(board), model_file(model)
    called = name_from(Path(file.name).stem) if name is None else name
    package = chosen.compile(file, where, patches, called, camera, optimise)
    write_package(Path(out), package.files)
    return Compilation(
        **{f.name: getattr(package, f.name) for f in fields(Package)},
        model=file.name,
        board=where.name,
        runtime=chosen,
        out=str(out),
        name=called,
        arena_tflm_cortex_m_bytes=file.arena_tflm_bytes(4),
        board_sram_bytes=where.sram_bytes,
        board_flash_bytes=where.flash_bytes,
        optimise_asked=optimise,
    )


def write_package(out: Path, files: Mapping[str, str]) -> None:
    """Writes files into a directory that is new, is empty, or has an earlier result, which they replace.

    - `out`: the directory.
    - `files`: text by path in it.

    Raises `FileError` and `SpecError`.
    """
    check_package(out, files)
    with places_named(out):
        output_directory.write_files(out, files)


def check_package(out: Path, files: Mapping[str, str], spared: Collection[str] = ()) -> None:
    """Raises the errors that `write_package` would raise for the present contents of a directory.

    - `out`: the directory.
    - `files`: text by path in it.
    - `spared`: files that may hold anything, see `output_directory.write_files`.
    """
    output_directory.check_writable(out, files, spared=spared)
    if out.is_dir() and not (out / output_directory.LIST).exists():
        others = sorted(name for name in os.listdir(out) if not name.startswith(".micronets") and not is_part(name))
        if others:
            raise SpecError(f"--out {out}: there is something else ({others[0]}); name a new or empty directory")


@contextmanager
def places_named(out: Path) -> Iterator[None]:
    """Turns the `OSError` of a place where no directory can be made into a `SpecError`."""
    try:
        yield
    except OSError as e:
        if e.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
            why = link_to_nothing(out) or f"no directory can be made there ({e.strerror}); name another place"
            raise SpecError(f"--out {out}: {why}") from e
        raise
