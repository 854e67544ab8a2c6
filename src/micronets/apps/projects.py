"""`Project`: the files of a firmware project, and the functions that make each kind of project."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from micronets.apps.sensors import CAMERA, NO_BREAK, Frames, Sensor
from micronets.boards.board import Board
from micronets.boards.cores import QemuMachine, core_of
from micronets.compiler.generate import image_c, stream_c
from micronets.compiler.generate.names import Names
from micronets.compiler.kernel_files import is_source
from micronets.device.architectures import architecture_of
from micronets.device.cross_compiler import MemoryMap, linker_script
from micronets.errors import SpecError

NETWORK = "network"
"""The folder of the network in a project, where the kind of project does not want another."""

STACK_BYTES = 4096
"""Bytes of the stack of a firmware without an operating system."""

_EXAMPLE = ("example.c", "test_vector.h")
_RING = "ring.h"
_NEEDS_ESP_IDF = "esp32"  # the beginning of the names of Espressif's boards


@dataclass(frozen=True, eq=False)
class Listener:
    """A compiled network that listens or looks, and the board that a project is for.

    - title: one line about the network.
    - names: the names of the network's files, functions and macros.
    - network: the network's files as `compile` writes them, text by path.
    - arena_bytes: bytes of the network's arena.
    - constant_bytes: bytes of its weights and tables.
    - sensor: the sensor that its input comes from.
    - takes: sentences about the input and the output of the application.
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
        """Returns the files of the application that know no hardware, text by path in the project.

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


def _readme(listener: Listener, what: str, steps: str, parts: Mapping[str, str]) -> str:
    """Returns the text of README.md.

    - listener: the network and the board.
    - what: the kind of project, as the beginning of a sentence.
    - steps: how the project is built and started, in Markdown.
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


def _parts(listener: Listener, folder: str, own: Mapping[str, str], network: str) -> dict[str, str]:
    """Returns the purpose of the files of a project, by path.

    - listener: the network and the board.
    - folder: the folder of the application, with a slash at its end.
    - own: the purpose of files that only this kind of project has.
    - network: the folder of the network.
    """
    common = {f"{folder}{name}": text for name, text in listener.sensor.about.items()}
    return {**common, **own, f"{network}/": "the network, its front end and its detector, with a README of its own"}


_CMAKE = """\
# The application as a firmware or, without a cross compiler, as a program for this computer.
cmake_minimum_required(VERSION 3.13)
project({name}_app C)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE MinSizeRel) # the network is built for speed all the same
endif()
if(CMAKE_CROSSCOMPILING)
  include_directories(SYSTEM port/include)
endif()
add_subdirectory(network)

add_executable(app app/app.c port/{driver})
target_include_directories(app PRIVATE app port)
target_link_libraries(app PRIVATE {library})
set_target_properties(app PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)

if(CMAKE_CROSSCOMPILING)
  set(APP_MACHINE "{machine}" CACHE STRING "Where it runs, which tells where the memory is: {machines}")
  target_sources(app PRIVATE port/semihosting.c port/{startup} port/memory.c)
  # There is no C library: the compiler may not turn loops into calls of memcpy, least of all the loops of memcpy.
  target_compile_options(app PRIVATE -fno-tree-loop-distribute-patterns)
  target_link_libraries(app PRIVATE
    -nostdlib -static -Wl,--gc-sections -T${{CMAKE_CURRENT_SOURCE_DIR}}/port/${{APP_MACHINE}}.ld gcc)
else()
  target_sources(app PRIVATE port/host.c)
endif()
"""

_TOOLCHAIN = """\
# Builds for a {label} with {gcc}: cmake -DCMAKE_TOOLCHAIN_FILE=port/toolchain.cmake
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR {core})
find_program(APP_COMPILER NAMES {compilers})
set(CMAKE_C_COMPILER ${{APP_COMPILER}})
set(CMAKE_C_FLAGS_INIT "{flags} -ffreestanding -fbuiltin -ffunction-sections -fdata-sections")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # there is no C library to link a program with
"""


def _cmake(listener: Listener) -> Project:
    """Returns the project for plain CMake: a firmware without an operating system, which also runs on a computer."""
    board, name = listener.board, listener.name
    core, facts = core_of(board.core, board.name), architecture_of(board.core)
    scripts = {}
    if core.qemu is not None:
        half = core.qemu.memory_bytes
        scripts["qemu"] = MemoryMap(facts.flash_origin, half, facts.ram_origin, half, STACK_BYTES)
    if board.firmware is not None:
        origins = board.firmware.flash_origin, board.firmware.ram_origin
        scripts["board"] = MemoryMap(origins[0], board.flash_bytes, origins[1], board.sram_bytes, STACK_BYTES)
    machines = ", ".join(scripts) or "the name of a linker script that you write in port/"
    firmware = files("micronets") / "device/firmware"
    sensor = listener.sensor
    known = {"name": name, "library": listener.names.library, "startup": facts.startup, "driver": sensor.driver}
    found = {
        **listener.application("app/"),
        **{f"port/{path}": listener.source(f"port/{path}") for path in (*_PORT, sensor.driver)},
        **{
            f"port/{path}": (firmware / path).read_text("utf-8")
            for path in (facts.startup, "initialise.h", "memory.c", "include/string.h")
        },
        **{f"port/{where}.ld": linker_script(memory) for where, memory in scripts.items()},
        "port/toolchain.cmake": _TOOLCHAIN.format(
            label=core.label,
            gcc=core.gcc[0],
            core=core.name,
            compilers=" ".join(core.gcc),
            flags=" ".join(board.compiler_flags),
        ),
        "CMakeLists.txt": _CMAKE.format(**known, machine=next(iter(scripts), "board"), machines=machines),
        "README.md": _readme(
            listener,
            "A firmware without an operating system, built by CMake",
            _cmake_steps(sensor, core.qemu, "board" in scripts),
            _parts(
                listener,
                "app/",
                {
                    f"port/{sensor.driver}": sensor.about_driver,
                    "port/host.c": "files and the terminal of this computer",
                    "port/semihosting.c": "files and the terminal for a processor, through an emulator or a debugger",
                    "port/": "the start-up code from reset to `main`, and the linker scripts",
                },
                NETWORK,
            ),
        ),
    }
    return Project(NETWORK, listener.network, found)


_PORT = ("file.h", "host.c", "semihosting.c")


def _cmake_steps(sensor: Sensor, qemu: QemuMachine | None, board: bool) -> str:
    """Returns how the project for CMake is built and started, in Markdown.

    - sensor: the sensor of the project.
    - qemu: QEMU's machine with the board's core; None where it has none.
    - board: whether the addresses of the board's memory are known.
    """
    text = f"""
As a program on this computer, with a recording in the place of a {sensor.device}:

    cmake -S . -B build/host && cmake --build build/host
    build/host/app {sensor.recording}
"""
    if qemu is not None:
        words = " ".join(("-M", qemu.machine, *qemu.options))
        text += f"""
As a firmware, in QEMU's emulation of the processor:

    cmake -S . -B build/qemu -DCMAKE_TOOLCHAIN_FILE=port/toolchain.cmake -DAPP_MACHINE=qemu
    cmake --build build/qemu
    {qemu.program} {words} -nographic -monitor none -serial none \\
        -semihosting-config enable=on,target=native,arg=app,arg={sensor.recording} -kernel build/qemu/app
"""
    if board:
        text += f"""
As a firmware for the board:

    cmake -S . -B build/board -DCMAKE_TOOLCHAIN_FILE=port/toolchain.cmake -DAPP_MACHINE=board
    cmake --build build/board

`build/board/app` is an ELF file for your debugger. As it is, it reads a recording through the debugger too (OpenOCD:
`arm semihosting enable` and `arm semihosting_cmdline app {sensor.recording}`). For a {sensor.device}, put a file with
the three functions of `{sensor.header}` in the place of `port/{sensor.driver}`, and for a serial line one with the
function of `output.h` and a `main` that calls `app_run` in the place of `port/semihosting.c`. The processor runs at the
clock that it has after reset; the start-up code of the chip's maker sets a faster one.
"""
    else:
        text += """
For the board, write a linker script for its memory, `port/board.ld`, and build with `-DAPP_MACHINE=board`.
"""
    return text


_ARDUINO = """\
name={title}
version={version}
author=micronets
maintainer=micronets
sentence={sentence}
paragraph=From the {takes} of a {device} to {event}, in integers and without a heap.
category=Signal Input/Output
url=
architectures=*
includes={header}
"""

_OV767X_SIZES: Mapping[tuple[int, int], str] = MappingProxyType(
    {(160, 120): "QQVGA", (176, 144): "QCIF", (320, 240): "QVGA"}
)
_OV767X_PIXELS: Mapping[str, str] = MappingProxyType({"rgb565": "RGB565", "yuv422": "YUV422", "gray": "GRAYSCALE"})
"""The names of sizes and pixels of frames in the library Arduino_OV767X, for what fits into the memory of a board."""


def _arduino(listener: Listener) -> Project:
    """Returns the project for Arduino: a library, with an example for each kind of microphone, or for a camera.

    Raises `SpecError` for frames that the library of the camera does not give.
    """
    names = listener.names
    network = {name: text for name, text in listener.network.items() if name not in _EXAMPLE}
    network = {name: text for name, text in network.items() if is_source(name) or name.endswith((".h", ".inc"))}
    found = {
        "library.properties": _ARDUINO.format(
            title=names.library,
            version=listener.version,
            sentence=listener.title,
            takes="samples" if listener.frames is None else "frames",
            device=listener.sensor.device,
            event=listener.sensor.event,
            header=names.header if listener.frames is not None else stream_c.header(names),
        ),
    }
    if listener.frames is not None:
        found["library.properties"] += "depends=Arduino_OV767X\n"
        examples: Mapping[str, tuple[tuple[str, ...], str]] = {"look_ov767x": ((), "for an OV7670 or OV7675 camera")}
        sketches, count = _ARDUINO_CAMERA, "an example"
    else:
        examples = {"listen_pdm": ((_RING,), "for a PDM microphone"), "listen_i2s": ((), "for an I2S microphone")}
        sketches, count = _ARDUINO_MICROPHONES, "two examples"
    for example, (own, _) in examples.items():
        folder = f"examples/{example}/"
        found.update(listener.application(folder, *own))
        found[f"{folder}{example}.ino"] = _sketch(listener, example)
    about = {f"examples/{example}/": text for example, (_, text) in examples.items()}
    found["README.md"] = _readme(
        listener,
        f"A library for Arduino with {count}",
        _ARDUINO_STEPS.format(library=names.library, sketches=sketches.format(library=names.library)),
        _parts(listener, next(iter(about)), about, "src"),
    )
    return Project("src", network, found)


def _sketch(listener: Listener, example: str) -> str:
    """Returns the text of a sketch. Raises `SpecError` for frames that the library of the camera does not give."""
    text, frames = listener.source(f"arduino/{example}.ino"), listener.frames
    if frames is None:
        return text
    size = _OV767X_SIZES.get((frames.width, frames.height))
    pixels = _OV767X_PIXELS.get(frames.pixels)
    if size is None or pixels is None:
        sizes = ", ".join(f"{w}x{h}" for w, h in _OV767X_SIZES)
        raise SpecError(
            f"--for arduino: the library Arduino_OV767X gives frames of {sizes} as {', '.join(_OV767X_PIXELS)}, not "
            f"{frames.width}x{frames.height}:{frames.pixels}; take one of them as --camera, or --for cmake"
        )
    return text.replace("CAMERA_SIZE", size).replace("CAMERA_PIXELS", pixels)


_ARDUINO_STEPS = """
Put this directory into the folder `libraries` of your sketchbook, under the name
`{library}`, and restart the Arduino IDE.

{sketches}

Arduino builds for size. In `platform.local.txt` of the board's package, `compiler.c.extra_flags=-O2` makes the network
faster.
"""

_ARDUINO_MICROPHONES = """\
Then there are two sketches under *File, Examples, {library}*: `listen_pdm` for
the PDM microphone of a Nano 33 BLE Sense or a Nano RP2040 Connect, `listen_i2s` for an I2S microphone on boards with
Arduino's library I2S. Both print words in the serial monitor, at 115,200 baud."""

_ARDUINO_CAMERA = """\
Then there is a sketch under *File, Examples, {library}*: `look_ov767x` for an
OV7670 or OV7675 on a Nano 33 BLE, with the library Arduino_OV767X (*Tools, Manage Libraries*), whose example
CameraCapture tells how the camera is connected. It prints the class of each frame in the serial monitor, at 115,200
baud."""

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


def _zephyr(listener: Listener) -> Project:
    """Returns the project for Zephyr."""
    names = listener.names
    found = {
        **listener.application("src/"),
        "src/zephyr.c": listener.source("zephyr/zephyr.c"),
        "CMakeLists.txt": _ZEPHYR.format(name=listener.name),
        "prj.conf": _PRJ.format(library=names.library.upper()),
        "README.md": _readme(
            listener,
            "An application for Zephyr 3.6 or newer",
            _ZEPHYR_STEPS,
            _parts(
                listener, "src/", {"src/zephyr.c": "the microphone by Zephyr's audio API `dmic`, and `printk`"}, NETWORK
            ),
        ),
    }
    return Project(NETWORK, listener.network, found)


_ZEPHYR_STEPS = """
In a shell with Zephyr's environment, with Zephyr's name of the board:

    west build -p -b BOARD .
    west flash

The board's devicetree has to name the microphone `dmic_dev`, as the samples in `samples/drivers/audio/dmic` of Zephyr
do by an overlay for each board.
"""

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


def _esp_idf(listener: Listener) -> Project:
    """Returns the project for ESP-IDF. Raises `SpecError` for a board that is not Espressif's."""
    if not listener.board.name.lower().startswith(_NEEDS_ESP_IDF):
        raise SpecError(f"--for esp-idf: {listener.board.name} is no board with an ESP32; name one with --board")
    name, folder = listener.name, f"components/{listener.name}"
    sources = [file for file in sorted(listener.network) if is_source(file) and file not in _EXAMPLE]
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
        "README.md": _readme(
            listener,
            "An application for ESP-IDF 5.1 or newer",
            _IDF_STEPS.format(target="-".join(listener.board.name.lower().split("-")[:2]).replace("-", "")),
            _parts(listener, "main/", {"main/espidf.c": "an I2S microphone, and the console"}, f"{folder}/network"),
        ),
    }
    return Project(f"{folder}/network", listener.network, found)


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

_PLATFORMIO_BOARDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "NUCLEO-F446RE": ("nucleo_f446re", "STM32F4"),
        "NUCLEO-F746ZG": ("nucleo_f746zg", "STM32F7"),
        "NUCLEO-F767ZI": ("nucleo_f767zi", "STM32F7"),
    }
)
"""The boards with a driver of a microphone: PlatformIO's name of each, and the family of its chip."""

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


def _platformio(listener: Listener) -> Project:
    """Returns the project for PlatformIO with ST's HAL. Raises `SpecError` for a board whose chip has no driver."""
    known = _PLATFORMIO_BOARDS.get(listener.board.name)
    if known is None:
        raise SpecError(
            f"--for platformio: no driver of a microphone for {listener.board.name}, only for "
            f"{', '.join(_PLATFORMIO_BOARDS)}; take --for cmake and write one"
        )
    folder = f"lib/{listener.names.library}"
    found = {
        **listener.application("src/", _RING),
        "src/stm32.c": listener.source("stm32cube/stm32.c"),
        "platformio.ini": _PLATFORMIO.format(board=known[0], family=known[1]),
        "README.md": _readme(
            listener,
            "A project for PlatformIO with STM32Cube",
            _PLATFORMIO_STEPS,
            _parts(listener, "src/", {"src/stm32.c": "clocks, an I2S microphone by DMA, and the serial line"}, folder),
        ),
    }
    return Project(folder, listener.network, found)


_PLATFORMIO_STEPS = """
With PlatformIO, in this directory:

    pio run -t upload
    pio device monitor

The microphone, an INMP441 or the like, is connected to I2S2: word select to PB12, bit clock to PB13, data to PB15, and
its L/R pin to ground. Words come over the serial line of the board's debugger, at 115,200 baud.
"""

PROJECT_KINDS: Mapping[str, Callable[[Listener], Project]] = MappingProxyType(
    {"cmake": _cmake, "zephyr": _zephyr, "platformio": _platformio, "arduino": _arduino, "esp-idf": _esp_idf}
)
"""The function that makes each kind of project, by its name."""
