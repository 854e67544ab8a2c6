"""A project for Zephyr."""

from __future__ import annotations

from micronets.apps.project import NETWORK, Listener, Project, parts, readme


def zephyr(listener: Listener) -> Project:
    """Returns the project for Zephyr."""
    names = listener.names
    found = {
        **listener.application("src/"),
        "src/zephyr.c": listener.source("zephyr/zephyr.c"),
        "CMakeLists.txt": _ZEPHYR.format(name=listener.name),
        "prj.conf": _PRJ.format(library=names.library.upper()),
        "README.md": readme(
            listener,
            "An application for Zephyr 3.6 or newer",
            _ZEPHYR_STEPS,
            parts(
                listener, "src/", {"src/zephyr.c": "the microphone by Zephyr's audio API `dmic`, and `printk`"}, NETWORK
            ),
        ),
    }
    return Project(NETWORK, listener.network, found)


_ZEPHYR = """\
# The application under Zephyr; the network is a module of it.
cmake_minimum_required(VERSION 3.20)
list(APPEND EXTRA_ZEPHYR_MODULES ${{CMAKE_CURRENT_SOURCE_DIR}}/network)
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project({name}_app C)

target_sources(app PRIVATE src/app.c src/zephyr.c)
"""

_PRJ = """\
CONFIG_{library}=y
CONFIG_AUDIO=y
CONFIG_AUDIO_DMIC=y
CONFIG_MAIN_STACK_SIZE=4096
"""

_ZEPHYR_STEPS = """
In a shell with Zephyr's environment, with Zephyr's name of the board:

    west build -p -b BOARD .
    west flash

The board's devicetree has to name the microphone `dmic_dev`, as the samples in `samples/drivers/audio/dmic` of Zephyr
do by an overlay for each board.
"""
