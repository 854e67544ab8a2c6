"""A project for ESP-IDF."""

from __future__ import annotations

from micronets.apps.project import EXAMPLE, Listener, Project, parts, readme
from micronets.compiler.kernel_files import is_source
from micronets.errors import SpecError

_NEEDS_ESP_IDF = "esp32"  # the beginning of the names of Espressif's boards


def esp_idf(listener: Listener) -> Project:
    """Returns the project for ESP-IDF. Raises `SpecError` for a board that is not Espressif's."""
    if not listener.board.name.lower().startswith(_NEEDS_ESP_IDF):
        raise SpecError(f"--for esp-idf: {listener.board.name} has no ESP32; name a board that has one with --board")
    name, folder = listener.name, f"components/{listener.name}"
    sources = [file for file in sorted(listener.network) if is_source(file) and file not in EXAMPLE]
    found = {
        **listener.application("main/"),
        "main/espidf.c": listener.source("espidf/espidf.c"),
        "main/CMakeLists.txt": _IDF_MAIN.format(name=name),
        "main/Kconfig.projbuild": _IDF_KCONFIG,
        f"{folder}/CMakeLists.txt": _IDF_COMPONENT.format(
            sources="\n".join(f'    "network/{file}"' for file in sources)
        ),
        f"{folder}/idf_component.yml": _IDF_MANIFEST.format(version=listener.version, title=listener.title),
        "CMakeLists.txt": _IDF_PROJECT.format(name=name),
        "README.md": readme(
            listener,
            "An application for ESP-IDF 5.1 or newer",
            _IDF_STEPS.format(target="-".join(listener.board.name.lower().split("-")[:2]).replace("-", "")),
            parts(listener, "main/", {"main/espidf.c": "an I2S microphone, and the console"}, f"{folder}/network"),
        ),
    }
    return Project(f"{folder}/network", listener.network, found)


_IDF_COMPONENT = """\
# The network as a component; its own CMakeLists.txt is for CMake without ESP-IDF.
idf_component_register(
  SRCS
{sources}
  INCLUDE_DIRS network)
target_compile_options(${{COMPONENT_LIB}} PRIVATE -O2)
"""

_IDF_MANIFEST = """\
version: "{version}"
description: "{title}"
dependencies:
  idf: ">=5.1"
"""

_IDF_KCONFIG = """\
menu "Listening"

config APP_I2S_BCLK
    int "GPIO of the microphone's bit clock"
    default 4

config APP_I2S_WS
    int "GPIO of the microphone's word select"
    default 5

config APP_I2S_DIN
    int "GPIO of the microphone's data"
    default 6

endmenu
"""

_IDF_PROJECT = """\
cmake_minimum_required(VERSION 3.16)
include($ENV{{IDF_PATH}}/tools/cmake/project.cmake)
project({name}_app)
"""

_IDF_MAIN = """\
idf_component_register(SRCS app.c espidf.c INCLUDE_DIRS . REQUIRES {name} driver)
"""

_IDF_STEPS = """
In a shell with ESP-IDF's environment:

    idf.py set-target {target}
    idf.py menuconfig
    idf.py build flash monitor

The menu *Listening* has the pins of the microphone, an INMP441 or the like on I2S, left channel.
"""
