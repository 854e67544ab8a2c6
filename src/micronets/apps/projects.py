"""`project_files`: the files of a firmware project, by the kind of project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from micronets.apps.arduino import arduino
from micronets.apps.cmake import cmake
from micronets.apps.esp_idf import esp_idf
from micronets.apps.platformio import platformio
from micronets.apps.project import Listener, Project
from micronets.apps.zephyr import zephyr
from micronets.errors import SpecError

PROJECT_KINDS: Mapping[str, Callable[[Listener], Project]] = MappingProxyType(
    {"cmake": cmake, "zephyr": zephyr, "platformio": platformio, "arduino": arduino, "esp-idf": esp_idf}
)
"""The function that makes each kind of project, by its name."""


def project_files(listener: Listener, kind: str) -> Project:
    """Returns the files of a project.

    - listener: the network and the board.
    - kind: a name in `PROJECT_KINDS`.

    Raises `SpecError` for a kind that is not for this board, or has no driver for such a sensor.
    """
    sensor = listener.sensor
    if kind not in sensor.kinds:
        raise SpecError(
            f"--for {kind}: has no driver of a {sensor.device}; take --for {' or '.join(sensor.kinds)} and write the "
            f"three functions of its {sensor.header}"
        )
    return PROJECT_KINDS[kind](listener)
