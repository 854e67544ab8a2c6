"""The commands `evaluate`, `tune`, `listen`, `incremental`, `inspect`, `compile` and `app`, which take a model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from micronets.cli import common
from micronets.errors import FileError, SpecError
from micronets.terminal import counted

if TYPE_CHECKING:
    from micronets.commands.listen import SoundPiece

PATH = click.Path(path_type=Path)
_BAR = 24  # columns of the loudness bar
_STATUS_COLUMNS = _BAR + 36
_seconds = click.option(
    "--seconds", type=float, default=600, show_default=True, metavar="S", help="Length of a composed stream."
)
_seed = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="The seed of a composed stream."
)


def _refuse_with_stream(given: dict[str, object]) -> None:
    """Raises `SpecError` for an option for clips that was given for a stream."""
    for name, value in given.items():
        if value is not None:
            raise SpecError(f"{name} {value}: is for a data set of clips; leave it out with --stream")


@click.command(
    cls=common.Command,
    examples=(
        "micronets evaluate zoo/kws_s_f446re/model.tflite",
        "micronets evaluate model.tflite --task kws --data speech_commands_v0.02 --runtime c",
        "micronets evaluate model.tflite --stream day.wav --labels day.csv --report day.html",
    ),
)
@click.argument("model", type=PATH, metavar="MODEL.tflite")
@click.option(
    "--task",
    metavar="TASK",
    help="A name that `micronets tasks` lists, or FILE.py:NAME; default: the one stored in the model.",
)
@click.option("--data", type=PATH, help="The data set; default: synthetic examples.")
@click.option(
    "--test",
    type=PATH,
    metavar="DIR",
    help="A directory whose examples replace the test split; for kws, a folder of WAV files for each class.",
)
@click.option(
    "--split",
    default="test",
    show_default=True,
    metavar="SPLIT",
    help="The part of the data to evaluate on: train, val, test, or all (everything in class folders).",
)
@click.option(
    "--runtime",
    default=None,
    metavar="RUNTIME",
    help="What computes the outputs: tflm (the default if installed), reference (in numpy) or c (the generated C).",
)
@click.option(
    "--front-end",
    metavar="NAME|FILE.json",
    help="The front end, from samples to the model's input; default: the one stored in the model. With --stream, "
    "micro or micro-20ms for TFLM's own.",
)
@common.classes
@click.option(
    "--labels",
    metavar="A,B,...|FILE",
    help="Names of the model's outputs in order; default: those stored in the model. With --stream, the recording's "
    "label file: start, end and label of each word, as Audacity exports them or as CSV.",
)
@click.option(
    "--stream",
    metavar="RECORDING|composed",
    help="Evaluate the decisions on a long recording, or on one composed of the clips in --data.",
)
@_seconds
@_seed
@click.option(
    "--report", type=PATH, metavar="FILE.html", help="With --stream: write a page of misses and false accepts."
)
@common.as_json
def evaluate(
    model: Path,
    task: str | None,
    data: Path | None,
    test: Path | None,
    split: str,
    runtime: str | None,
    front_end: str | None,
    classes: str | None,
    labels: str | None,
    stream: str | None,
    seconds: float,
    seed: int,
    report: Path | None,
    as_json: bool,
) -> None:
    """Evaluates a model on a data set, or on a stream.

    Prints the task's metric (the accuracy, or the AUC of anomaly detection) with its confidence interval; for a stream,
    detections, misses, false accepts an hour and the delay of decisions.
    """
    from micronets.commands import evaluate

    if stream is not None:
        _refuse_with_stream({"--task": task, "--test": test, "--split": None if split == "test" else split})
        from micronets.commands.front_end import named
        from micronets.commands.stream import evaluate_stream

        heard = evaluate_stream(
            named(model, front_end, classes),
            stream,
            labels,
            data,
            seconds=seconds,
            seed=seed,
            runtime=runtime,
            report=report,
            progress=None if as_json else common.ProgressPrinter(),
        )
        for note in heard.notes:
            common.echo(f"note: {note}", err=True)
        common.echo(json.dumps(heard.to_json()) if as_json else heard.text())
        return
    if report is not None:
        raise SpecError(f"--report {report}: is for --stream; name a recording with it, or composed")
    if classes is not None:
        raise SpecError(f"--classes {classes}: is for --stream; for clips, name the outputs with --labels")
    found = evaluate.evaluate(
        model,
        task,
        data,
        test=test,
        split=split,
        runtime=runtime,
        front_end=front_end,
        labels=labels.split(",") if labels else None,
        progress=None if as_json else common.ProgressPrinter(),
    )
    for note in found.notes:
        common.echo(f"note: {note}", err=True)
    common.echo(json.dumps(found.to_json()) if as_json else found.text())


@click.command(
    cls=common.Command,
    examples=(
        "micronets tune model.tflite --stream day.wav --labels day.csv --false-accepts-per-hour 1 --out tuned.tflite",
        "micronets tune model.tflite --stream composed --data my_words --false-accepts-per-hour 5 --out tuned.tflite",
    ),
)
@click.argument("model", type=PATH, metavar="MODEL.tflite")
@click.option(
    "--stream",
    required=True,
    metavar="RECORDING|composed",
    help="A long recording, or one composed of the clips in --data; not one that you test the model on.",
)
@click.option("--labels", type=PATH, metavar="FILE", help="The recording's label file: start, end, label of each word.")
@click.option("--data", type=PATH, metavar="DIR", help="Class folders of recordings from which to compose a stream.")
@click.option(
    "--false-accepts-per-hour", required=True, type=float, metavar="N", help="Number of wrong decisions allowed."
)
@click.option("--out", required=True, type=PATH, metavar="FILE", help="File for the model with the chosen detector.")
@click.option(
    "--hop-frames",
    type=int,
    metavar="N",
    help="Frames between two outputs that the detector uses; default: those of the model's detector.",
)
@common.front_end_option
@common.classes
@click.option("--runtime", metavar="RUNTIME", help="What computes the outputs, as for evaluate.")
@click.option(
    "--seconds", type=float, default=1800, show_default=True, metavar="S", help="Length of a composed stream."
)
@_seed
@common.as_json
def tune(
    model: Path,
    stream: str,
    labels: Path | None,
    data: Path | None,
    false_accepts_per_hour: float,
    out: Path,
    hop_frames: int | None,
    front_end: str | None,
    classes: str | None,
    runtime: str | None,
    seconds: float,
    seed: int,
    as_json: bool,
) -> None:
    """Tunes a model's detector for a given number of false accepts an hour.

    Chooses the number of averaged scores and a threshold for each word, so that most words of the stream are detected,
    and writes the model with that detector.
    """
    from micronets.commands.front_end import named
    from micronets.commands.stream import tune

    found = tune(
        named(model, front_end, classes),
        stream,
        out,
        false_accepts_per_hour,
        labels,
        data,
        hop_frames=hop_frames,
        seconds=seconds,
        seed=seed,
        runtime=runtime,
        progress=None if as_json else common.ProgressPrinter(),
    )
    for note in found.after.notes:
        common.echo(f"note: {note}", err=True)
    common.echo(json.dumps(found.to_json()) if as_json else found.text())


@click.command(
    cls=common.Command,
    examples=(
        "micronets listen zoo/kws_s_f446re/model.tflite",
        "micronets listen model.tflite --input day.wav --json > decisions.jsonl",
        "micronets listen model.tflite --input composed --board NUCLEO-F446RE",
    ),
)
@click.argument("model", type=PATH, metavar="MODEL.tflite")
@click.option(
    "--input",
    "source",
    metavar="RECORDING|composed|DEVICE",
    help="A recording (of a sensor: .csv or .npy), `composed` for one made of synthesised speech, or the name or "
    "number of a microphone as `python -m sounddevice` lists them; default: the system's microphone.",
)
@click.option(
    "--board",
    metavar="BOARD",
    help="Run the C on the simulated core of this board, and compare its decisions with this machine's; for "
    "recordings.",
)
@click.option(
    "--seconds", type=float, default=20, show_default=True, metavar="S", help="Length of a composed recording."
)
@_seed
@common.front_end_option
@common.classes
@click.option("--runtime", metavar="RUNTIME", help="What computes the outputs, as for evaluate.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each decision, and nothing else.")
def listen(
    model: Path,
    source: str | None,
    board: str | None,
    seconds: float,
    seed: int,
    front_end: str | None,
    classes: str | None,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Shows a streaming model's decisions for a recording, a microphone or a sensor's recording.

    Prints a line for each decision: seconds, word and score. A terminal also shows how loud it is and which class has
    the largest score. With a microphone it runs until it is interrupted.
    """
    from micronets.boards.board import load_board
    from micronets.commands.front_end import named
    from micronets.commands.listen import ModelListener

    where = None if board is None else load_board(board)
    listener = ModelListener(named(model, front_end, classes), runtime)
    if source == "composed" or (source is not None and Path(source).exists()):
        recorded = listener.composed(seconds, seed) if source == "composed" else listener.recording(Path(source))
        notes = recorded.notes
        moments = listener.moments(recorded) if where is None else listener.on_board(recorded, where)
    elif board is not None:
        raise SpecError(f"--board {board}: is for a recording, or composed; name it with --input")
    elif source is not None and Path(source).suffix:
        raise FileError(f"{source}: no such recording; check the path, or name a microphone")
    else:
        moments, notes = listener.microphone(source), ()
    for note in notes:
        common.echo(f"note: {note}", err=True)
    shown = sys.stdout.isatty() and not as_json
    count = 0
    for moment in moments:
        for word in moment.words:
            count += 1
            text = json.dumps(word.to_json()) if as_json else word.text()
            common.echo(f"{text:<{_STATUS_COLUMNS}}" if shown else text)
        if shown:
            common.echo(_status(moment), nl=False)
            click.echo("\r", nl=False)
        sys.stdout.flush()
    if not as_json:
        told = "" if where is None else f", by the C on a simulated {where.name} as on this machine"
        text = f"{counted(count, 'decisions')}{told}"
        common.echo(f"{text:<{_STATUS_COLUMNS}}" if shown else text)


def _status(moment: SoundPiece) -> str:
    """Returns a line for the terminal with the loudness and the class of the highest score."""
    bar = "#" * round(_BAR * (1 + moment.level / 96))
    return f"{moment.time:>8.2f} s  {bar:<{_BAR}} {moment.level:>4.0f} dB  {moment.best:<12.12}  {moment.score:.2f}"


@click.command(
    cls=common.Command,
    examples=(
        "micronets inspect zoo/kws_s_f446re/model.tflite --board NUCLEO-F446RE",
        "micronets inspect third_party.tflite --board NUCLEO-F446RE --simulate",
        "micronets inspect runs/kws/search/arch.json --board my_board.toml --json",
    ),
)
@click.argument("model", type=PATH, metavar="MODEL.tflite|ARCH.json")
@common.board
@click.option(
    "--simulate",
    is_flag=True,
    help="Build the firmware with our C and run it in the simulator, which gives latency and energy for any model.",
)
@common.front_end_option
@common.classes
@common.camera
@common.as_json
def inspect(
    model: Path, board: str, simulate: bool, front_end: str | None, classes: str | None, camera: str, as_json: bool
) -> None:
    """Shows what a network costs on a board, and whether it fits.

    Prints a row for each layer, then estimates of memory, program size, latency and energy; nothing runs without
    --simulate. The exit code is 1 if the network fits neither under TFLM nor as our C.
    """
    from micronets.commands import inspect
    from micronets.commands.front_end import named

    found = inspect.inspect(named(model, front_end, classes, camera), board, simulate=simulate)
    common.echo(json.dumps(found.to_json()) if as_json else found.text())
    found.check()


@click.command(
    "compile",
    cls=common.Command,
    examples=(
        "micronets compile zoo/kws_s_f446re/model.tflite --board NUCLEO-F446RE --out kws_c",
        "micronets compile model.tflite --board NUCLEO-F446RE --out kws_tflm --runtime tflm",
        "micronets compile zoo/vww_f446re/model.tflite --board NUCLEO-F446RE --out vww_c --camera 160x120:rgb565",
    ),
)
@click.argument("model", type=PATH, metavar="MODEL.tflite")
@common.board
@click.option(
    "--out",
    required=True,
    type=PATH,
    metavar="DIR",
    help="Directory for the files: a new one, or one from an earlier compile.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="Name for files, functions and macros, so that one program can contain several networks; default: the name "
    "of the model's file.",
)
@common.camera
@common.front_end_option
@common.classes
@common.runtime_name
@common.patches
@common.optimise_option
@common.as_json
def compile_(
    model: Path,
    board: str,
    out: Path,
    name: str | None,
    camera: str,
    front_end: str | None,
    classes: str | None,
    runtime: str,
    patches: str,
    optimise: str,
    as_json: bool,
) -> None:
    """Writes a model as C for a board, with an example and a test vector.

    Nothing is run. The exit code is 1 if the model does not fit the board.
    """
    from micronets.commands.compile import compile
    from micronets.commands.front_end import named

    found = compile(named(model, front_end, classes), board, out, runtime, patches, name, camera, optimise)
    common.echo(json.dumps(found.to_json()) if as_json else found.text())


@click.command(
    cls=common.Command,
    examples=(
        "micronets app zoo/kws_s_f446re/model.tflite --board NUCLEO-F446RE --out my_app",
        "micronets app model.tflite --board ESP32-C3-DevKitM-1 --out my_app --for esp-idf",
        "micronets app zoo/vww_f446re/model.tflite --board NUCLEO-F446RE --out my_app --camera 160x120:rgb565",
    ),
)
@click.argument("model", type=PATH, metavar="MODEL.tflite")
@common.board
@click.option(
    "--out",
    required=True,
    type=PATH,
    metavar="DIR",
    help="Directory for the project: a new one, or one from an earlier app.",
)
@click.option(
    "--for",
    "kind",
    default="cmake",
    show_default=True,
    metavar="KIND",
    help="Kind of project: cmake (no operating system; also runs on this computer and in QEMU), zephyr, platformio, "
    "arduino or esp-idf.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="Name for the network's files, functions and macros; default: the name of the model's file.",
)
@common.camera
@common.front_end_option
@common.classes
@common.optimise_option
@common.as_json
def app(
    model: Path,
    board: str,
    out: Path,
    kind: str,
    name: str | None,
    camera: str,
    front_end: str | None,
    classes: str | None,
    optimise: str,
    as_json: bool,
) -> None:
    """Writes a firmware project around a streaming or image model.

    Sensor, front end, network, detector and output are complete and build; you need to change only a few files. Files
    that you have edited are kept when the project is written again.
    """
    from micronets.commands.app import app
    from micronets.commands.front_end import named

    found = app(named(model, front_end, classes), board, out, kind, name, camera, optimise)
    common.echo(json.dumps(found.to_json()) if as_json else found.text())


@click.command(
    cls=common.Command,
    examples=("micronets incremental model.tflite --out step.tflite",),
)
@click.argument("model", type=PATH, metavar="MODEL.tflite")
@click.option("--out", required=True, type=PATH, metavar="FILE", help="File for the incremental model.")
@common.as_json
def incremental(model: Path, out: Path, as_json: bool) -> None:
    """Makes a streaming model incremental: it computes only the new frames and keeps state.

    Its outputs remain those of whole windows, byte for byte. This requires a network without padding along time: one of
    a space with streaming = true.
    """
    from micronets.commands.incremental import incremental

    found = incremental(model, out)
    common.echo(json.dumps(found.to_json()) if as_json else found.text())


commands: list[click.Command] = [evaluate, tune, listen, incremental, inspect, compile_, app]
