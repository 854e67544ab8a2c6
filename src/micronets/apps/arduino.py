"""A project for Arduino: a library, with an example for each kind of microphone, or for a camera."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from micronets.apps.project import EXAMPLE, RING, Listener, Project, parts, readme
from micronets.compiler.generate import stream_c
from micronets.compiler.kernel_files import is_source
from micronets.errors import SpecError


def arduino(listener: Listener) -> Project:
    """Returns the project for Arduino: a library, with an example for each kind of microphone, or for a camera.

    Raises `SpecError` for frames that the camera's library does not provide.
    """
    names = listener.names
    network = {name: text for name, text in listener.network.items() if name not in EXAMPLE}
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
        examples = {"listen_pdm": ((RING,), "for a PDM microphone"), "listen_i2s": ((), "for an I2S microphone")}
        sketches, count = _ARDUINO_MICROPHONES, "two examples"
    for example, (own, _) in examples.items():
        folder = f"examples/{example}/"
        found.update(listener.application(folder, *own))
        found[f"{folder}{example}.ino"] = _sketch(listener, example)
    about = {f"examples/{example}/": text for example, (_, text) in examples.items()}
    found["README.md"] = readme(
        listener,
        f"A library for Arduino with {count}",
        _ARDUINO_STEPS.format(library=names.library, sketches=sketches.format(library=names.library)),
        parts(listener, next(iter(about)), about, "src"),
    )
    return Project("src", network, found)


_OV767X_SIZES: Mapping[tuple[int, int], str] = MappingProxyType(
    {(160, 120): "QQVGA", (176, 144): "QCIF", (320, 240): "QVGA"}
)

_OV767X_PIXELS: Mapping[str, str] = MappingProxyType({"rgb565": "RGB565", "yuv422": "YUV422", "gray": "GRAYSCALE"})
"""The library Arduino_OV767X's names for sizes and pixels of frames that fit into a board's memory."""


def _sketch(listener: Listener, example: str) -> str:
    """Returns the text of a sketch. Raises `SpecError` for frames that the camera's library does not provide."""
    text, frames = listener.source(f"arduino/{example}.ino"), listener.frames
    if frames is None:
        return text
    size = _OV767X_SIZES.get((frames.width, frames.height))
    pixels = _OV767X_PIXELS.get(frames.pixels)
    if size is None or pixels is None:
        sizes = ", ".join(f"{w}x{h}" for w, h in _OV767X_SIZES)
        raise SpecError(
            f"--for arduino: the library Arduino_OV767X gives frames of {sizes} as {', '.join(_OV767X_PIXELS)}, not "
            f"{frames.width}x{frames.height}:{frames.pixels}; use one of them as --camera, or --for cmake"
        )
    return text.replace("CAMERA_SIZE", size).replace("CAMERA_PIXELS", pixels)


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
