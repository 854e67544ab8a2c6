"""`Project`: the files of a firmware project, and what all kinds of project share."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from micronets.apps.sensors import CAMERA, NO_BREAK, Frames, Sensor
from micronets.boards.board import Board
from micronets.compiler.generate import image_c, stream_c
from micronets.compiler.generate.names import Names

NETWORK = "network"
"""The folder of the network in a project, unless the kind of project needs another."""

EXAMPLE = ("example.c", "test_vector.h")
"""The files of a network that are a program of their own."""

RING = "ring.h"
"""The file that buffers samples between an interrupt and the application."""


@dataclass(frozen=True, eq=False)
class Listener:
    """A compiled network that listens or looks, and the board that a project is for.

    - title: one line about the network.
    - names: the names of the network's files, functions and macros.
    - network: the network's files as `compile` writes them, text by path.
    - arena_bytes: bytes of the network's arena.
    - constant_bytes: bytes of its weights and tables.
    - sensor: the sensor that its input comes from.
    - takes: sentences about the application's input and output.
    - frames: the frames of its camera; None for another sensor.
    - board: the board.
    - version: the version of micronets.
    """

    title: str
    names: Names
    network: Mapping[str, str]
    arena_bytes: int
    constant_bytes: int
    sensor: Sensor
    takes: str
    frames: Frames | None
    board: Board
    version: str

    @property
    def name(self) -> str:
        """The network's name, a C identifier."""
        return self.names.name

    def source(self, path: str) -> str:
        """Returns the text of a file of `csrc`, with the network's own names in it."""
        text = (files("micronets.apps") / "csrc" / path).read_text("utf-8")
        text = text.replace('"model_stream.h"', f'"{stream_c.header(self.names)}"')
        text = text.replace('"model_frontend.h"', f'"{image_c.header(self.names)}"')
        text = text.replace('"model.h"', f'"{self.names.header}"')
        return text.replace("micronets_model_", self.names.functions).replace("MICRONETS_MODEL_", self.names.macros)

    def application(self, folder: str, *others: str) -> dict[str, str]:
        """Returns the hardware-independent files of the application, text by path in the project.

        - folder: the folder of the project for these files, empty or with a slash at its end.
        - others: names of further files of `csrc/app`.
        """
        paths = {**self.sensor.application, **{name: f"app/{name}" for name in others}}
        return {f"{folder}{name}": self.source(path) for name, path in paths.items()}


@dataclass(frozen=True)
class Project:
    """A firmware project.

    - folder: the folder of the network in the project.
    - network: the network's files, text by path in `folder`.
    - files: all other files, text by path in the project.
    """

    folder: str
    network: Mapping[str, str]
    files: Mapping[str, str]


def readme(listener: Listener, what: str, steps: str, parts: Mapping[str, str]) -> str:
    """Returns the text of README.md.

    - listener: the network and the board.
    - what: the kind of project, as the beginning of a sentence.
    - steps: how to build and start the project, in Markdown.
    - parts: the purpose of each file or folder, by its path.
    """
    sensor = listener.sensor
    rows = "\n".join(f"| `{name}` | {text} |" for name, text in parts.items())
    about = (
        f"{what}, for the board {listener.board.name}. {listener.takes}",
        f"{listener.title}. Its arena takes {listener.arena_bytes:,} bytes of SRAM, its weights and tables "
        f"{listener.constant_bytes:,} bytes of flash.",
    )
    filled = (textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) for text in about)
    paragraphs = "\n\n".join(filled).replace(NO_BREAK, " ")
    return _README.format(
        name=listener.name,
        about=paragraphs,
        steps=steps.strip(),
        rows=rows,
        sensor=sensor,
        tune="" if sensor is CAMERA else _TUNE.format(sensor=sensor),
    )


_TUNE = """\
- Where {sensor.event} are missed, or found where there are none, `micronets tune` chooses other thresholds.
"""

_README = """\
# {name}: an application for a {sensor.device}

{about}

## Build it

{steps}

## Make it yours

| file | what |
|---|---|
{rows}

- The function `{sensor.handler}` in `app.c` runs whenever something was found: put there what your product does then.
- For another {sensor.device}, define the three functions in `{sensor.header}` anew.
- `micronets app` wrote this project. Run again, it replaces the network and every file that you have not edited; it
  names the files that you have edited, and leaves them as they are.
{tune}"""


def parts(listener: Listener, folder: str, own: Mapping[str, str], network: str) -> dict[str, str]:
    """Returns the purpose of the files of a project, by path.

    - listener: the network and the board.
    - folder: the folder of the application, with a slash at its end.
    - own: the purpose of files that only this kind of project has.
    - network: the folder of the network.
    """
    common = {f"{folder}{name}": text for name, text in listener.sensor.about.items()}
    return {**common, **own, f"{network}/": "the network, its front end and its detector, with a README of its own"}
