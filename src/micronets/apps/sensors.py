"""`Sensor`: the texts and files of a firmware project for each kind of sensor: a microphone, several axes, a camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from micronets.streaming.plan import StreamPlan
from micronets.terminal import printable


@dataclass(frozen=True)
class Sensor:
    """The texts of a project about a kind of sensor, and the files for it.

    - device: the name of the sensor.
    - event: the word for what a line of output reports, in the plural, such as words.
    - application: the files of the application, in `csrc`, by their names in the project.
    - about: descriptions of the files that a reader looks for first, by name.
    - handler: the function in app.c in which a product reacts to an event.
    - driver: the file of `csrc/port` that simulates the sensor.
    - about_driver: a description of that file.
    - recording: the name of a recording, for commands.
    - kinds: the kinds of projects that have a driver for it.
    """

    device: str
    event: str
    application: Mapping[str, str]
    about: Mapping[str, str]
    handler: str
    driver: str
    about_driver: str
    recording: str
    kinds: tuple[str, ...]

    @property
    def header(self) -> str:
        """The name of the header that declares the three functions of a driver."""
        return next(name for name in self.about if name.endswith(".h") and name != "output.h")


_OUTPUT = {"output.h": "where lines go: one function"}
_LISTENS = {"app.c": "app/app.c", "app.h": "app/app.h", "output.h": "app/output.h"}

MICROPHONE = Sensor(
    device="microphone",
    event="words",
    application={**_LISTENS, "sensor.h": "app/sensor.h"},
    about={
        "app.c": "the application: sound in, a line for each word out; it knows no hardware",
        "sensor.h": "the microphone: three functions",
        **_OUTPUT,
    },
    handler="heard",
    driver="wav_sensor.c",
    about_driver="a microphone that is a WAV file, to try everything without one",
    recording="recording.wav",
    kinds=("cmake", "zephyr", "platformio", "arduino", "esp-idf"),
)

AXES = Sensor(
    device="sensor",
    event="classes",
    application={**_LISTENS, "sensor.h": "axes/sensor.h"},
    about={
        "app.c": "the application: samples in, a line for each class out; it knows no hardware",
        "sensor.h": "the sensor: three functions",
        **_OUTPUT,
    },
    handler="heard",
    driver="csv_sensor.c",
    about_driver="a sensor that is a CSV file, to try everything without one",
    recording="recording.csv",
    kinds=("cmake",),
)

CAMERA = Sensor(
    device="camera",
    event="classes",
    application={**_LISTENS, "app.c": "camera/app.c", "camera.h": "camera/camera.h"},
    about={
        "app.c": "the application: frames in, a line for each out; it knows no hardware",
        "camera.h": "the camera: three functions",
        **_OUTPUT,
    },
    handler="seen",
    driver="raw_camera.c",
    about_driver="a camera that is a file of raw frames, to try everything without one",
    recording="frames.raw",
    kinds=("cmake", "arduino"),
)


@dataclass(frozen=True)
class Frames:
    """The frames of a camera.

    - width, height: pixels per row, and rows.
    - pixels: the pixel format, such as rgb565.
    """

    width: int
    height: int
    pixels: str


NO_BREAK = "\0"
"""A non-breaking space, for text that is wrapped later."""

_LONGEST_LABEL = 60


def code_span(text: str) -> str:
    """Returns text from a model as a code span of Markdown, so that no markup in it takes effect.

    Its spaces are `NO_BREAK`, since a line that begins within the text might become a heading or a list.
    """
    line = printable(" ".join(text.split())).replace("`", "'") or " "
    cut = line if len(line) <= _LONGEST_LABEL else f"{line[: _LONGEST_LABEL - 3]}..."
    return f"`{cut}`".replace(" ", NO_BREAK)


def sensor_of(plan: StreamPlan) -> Sensor:
    """Returns the sensor that a network listens to."""
    match plan.signal.noun:
        case "sound":
            return MICROPHONE
        case "movement":
            return AXES
        case _:
            assert_never(plan.signal.noun)


def listens_text(plan: StreamPlan) -> str:
    """Returns sentences about an application that listens: its input, how often it runs, and its output."""
    sensor = sensor_of(plan)
    names = ", ".join(code_span(label) for i, label in enumerate(plan.labels) if i not in plan.detector.never)
    axes = f" of {plan.signal.axes} axes" if plan.signal.sample_shape else ""
    one, finds = ("word", "hears") if sensor is MICROPHONE else ("class", "finds")
    return (
        f"It takes {plan.rate:,g} samples a second{axes} from a {sensor.device}, runs the network every "
        f"{1000 * plan.hop / plan.rate:g} ms, and prints a line for each {one} that it {finds}: the time, the {one}, "
        f"and how certain it is. It {finds} {names}."
    )


def looks_text(frames: Frames, labels: tuple[str, ...]) -> str:
    """Returns sentences about an application that looks: its input and its output.

    - frames: the frames that it gets.
    - labels: the names of the classes.
    """
    names = ", ".join(map(code_span, labels))
    size = f"{frames.width} x {frames.height} pixels ({frames.pixels})"
    return (
        f"It takes frames of {size} from a camera, runs the network on each, and prints a line: the number of the "
        f"frame, the class with the largest output, and that output, -128 to 127. The classes are {names}."
    )
