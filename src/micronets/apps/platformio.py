"""A project for PlatformIO with ST's HAL."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from micronets.apps.project import RING, Listener, Project, parts, readme
from micronets.errors import SpecError


def platformio(listener: Listener) -> Project:
    """Returns the project for PlatformIO with ST's HAL. Raises `SpecError` for a board whose chip has no driver."""
    known = _PLATFORMIO_BOARDS.get(listener.board.name)
    if known is None:
        raise SpecError(
            f"--for platformio: there is no microphone driver for {listener.board.name}, only for "
            f"{', '.join(_PLATFORMIO_BOARDS)}; use --for cmake and write one"
        )
    folder = f"lib/{listener.names.library}"
    found = {
        **listener.application("src/", RING),
        "src/stm32.c": listener.source("stm32cube/stm32.c"),
        "platformio.ini": _PLATFORMIO.format(board=known[0], family=known[1]),
        "README.md": readme(
            listener,
            "A project for PlatformIO with STM32Cube",
            _PLATFORMIO_STEPS,
            parts(listener, "src/", {"src/stm32.c": "clocks, an I2S microphone by DMA, and the serial line"}, folder),
        ),
    }
    return Project(folder, listener.network, found)


_PLATFORMIO_BOARDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "NUCLEO-F446RE": ("nucleo_f446re", "STM32F4"),
        "NUCLEO-F746ZG": ("nucleo_f746zg", "STM32F7"),
        "NUCLEO-F767ZI": ("nucleo_f767zi", "STM32F7"),
    }
)
"""The boards with a microphone driver: PlatformIO's name of each, and the family of its chip."""

_PLATFORMIO = """\
; pio run, pio run -t upload, pio device monitor
[env:{board}]
platform = ststm32
board = {board}
framework = stm32cube
build_flags = -D{family} -O2
build_unflags = -Os
monitor_speed = 115200
"""

_PLATFORMIO_STEPS = """
With PlatformIO, in this directory:

    pio run -t upload
    pio device monitor

The microphone, an INMP441 or the like, is connected to I2S2: word select to PB12, bit clock to PB13, data to PB15, and
its L/R pin to ground. Words come over the serial line of the board's debugger, at 115,200 baud.
"""
