"""The commands `measure` and `characterize`, which run networks on devices."""

from __future__ import annotations

import json
from pathlib import Path

import click

from micronets.cli import common, interrupts


@click.command(
    cls=common.Command,
    examples=(
        "micronets measure model.tflite --board NUCLEO-F446RE",
        "micronets measure model.tflite --board NUCLEO-F446RE --rate 2 --battery 225mAh@3V",
        "micronets measure model.tflite --board NUCLEO-F446RE --device serial:/dev/ttyACM0 --flash",
    ),
)
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.tflite")
@common.board
@click.option(
    "--device",
    default="sim",
    show_default=True,
    metavar="DEVICE",
    help="Where it runs: sim (the board's core, simulated), qemu (sim, and also QEMU), host (this machine) or "
    "serial:PORT[@BAUD] (a real board).",
)
@common.runtime
@common.compiler
@click.option("--samples", default=5, show_default=True, help="Number of inputs whose outputs are checked.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random inputs.")
@common.patches
@common.optimise_option
@click.option(
    "--flash", is_flag=True, help="With serial:PORT: first build the board's firmware and flash it with pyOCD."
)
@click.option(
    "--rate",
    type=float,
    metavar="HZ",
    help="Report average power and battery life at this many inferences a second, with the board asleep in between.",
)
@click.option(
    "--battery",
    metavar="CHARGE@VOLTAGE",
    help="With --rate: the battery, such as 2.4Ah@1.5V; default: a CR2032, 225mAh@3V.",
)
@click.option(
    "--firmware",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With serial:PORT: only build the board's firmware and write it to this file.",
)
@common.front_end_option
@common.classes
@common.camera
@common.as_json
def measure(
    model: Path,
    board: str,
    device: str,
    runtime: str,
    tflm: Path | None,
    tflm_library: Path | None,
    compiler: str | None,
    samples: int,
    seed: int,
    flash: bool,
    rate: float | None,
    battery: str | None,
    firmware: Path | None,
    patches: str,
    optimise: str,
    front_end: str | None,
    classes: str | None,
    camera: str,
    as_json: bool,
) -> None:
    """Builds a model for a board, runs it, and checks every output byte.

    Prints the cycles of every layer, latency, energy, memory and program size. The exit code is 1 if an output differs
    from the reference, or if the model does not fit the board.
    """
    from micronets.boards import battery as lives
    from micronets.boards.board import load_board
    from micronets.commands import measure
    from micronets.commands.front_end import named
    from micronets.errors import CheckFailed, SpecError

    cells = lives.parse_battery(lives.CR2032 if battery is None else battery)
    if battery is not None and rate is None:
        raise SpecError(
            f"--battery {battery}: its life depends on how often the network runs; give --rate, inferences a second"
        )
    if rate is not None:
        lives.check_rate(rate)
        if firmware or device == "host":
            raise SpecError(
                "--rate: is for a board that is simulated or measured; leave it out with --firmware and --device host"
            )
    where = load_board(board)
    under = common.find_runtime(runtime, tflm, tflm_library, where)
    if firmware:
        if flash:
            raise SpecError(
                "--flash and --firmware: give one of them; --firmware leaves writing it to the board to you"
            )
        measure.write_firmware(model, where, device, firmware, compiler, patches, under, optimise)
        note = "write it to the board, then measure without --firmware"
        common.echo(json.dumps({"firmware": str(firmware)}) if as_json else f"{firmware}: {note}")
        return
    found = measure.measure(
        named(model, front_end, classes, camera),
        where,
        device,
        compiler=compiler,
        samples=samples,
        seed=seed,
        flash=flash,
        patches=patches,
        runtime=under,
        optimise=optimise,
    )
    if rate is not None:
        found = measure.at_rate(found, where, rate, cells)
    common.echo(json.dumps(found.to_json()) if as_json else found.text())
    problems = measure.problems(found)
    if problems:
        raise CheckFailed("; ".join(problems))


@click.command(
    cls=common.Command,
    examples=(
        "micronets characterize --space dscnn --board NUCLEO-F446RE",
        "micronets characterize --space resnet --space dscnn:ad --board NUCLEO-F746ZG --samples 100",
    ),
)
@click.option(
    "--space",
    "spaces",
    required=True,
    multiple=True,
    metavar="SPACE",
    help="A search space, or SPACE:KIND for another kind of input, such as dscnn:ad; may be given several times.",
)
@common.board
@click.option("--samples", default=50, show_default=True, help="Number of random networks of each space.")
@click.option(
    "--device",
    default="sim",
    show_default=True,
    metavar="DEVICE",
    help="Where they run: sim (the board's core, simulated), qemu (sim, and also QEMU) or serial:PORT[@BAUD] (a real "
    "board, flashed for every network).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Directory for the results; default: runs/characterize-BOARD, or runs/characterize-BOARD-tflm.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the random networks.")
@click.option("--jobs", type=int, help="Number of networks measured at a time; default: the number of processors.")
@click.option(
    "--ray",
    default="",
    metavar="local|ADDRESS",
    help="Measure the networks as tasks of Ray, on this machine or on the cluster at ADDRESS.",
)
@common.runtime
@common.compiler
@common.as_json
def characterize(
    spaces: tuple[str, ...],
    board: str,
    samples: int,
    device: str,
    out: Path | None,
    seed: int,
    jobs: int | None,
    ray: str,
    runtime: str,
    tflm: Path | None,
    tflm_library: Path | None,
    compiler: str | None,
    as_json: bool,
) -> None:
    """Measures random networks on a board, and fits a latency model to them.

    Writes models.csv, findings.json, characterization.html and latency.toml. When run again after an interruption, it
    measures only what is missing.
    """
    import shlex
    import sys

    from micronets.boards.board import load_board
    from micronets.commands import characterize_report
    from micronets.commands.characterize import cores
    from micronets.progress import StepEvent
    from micronets.runtimes import OUR_C

    interrupts.set_resume_hint(shlex.join(["micronets", *sys.argv[1:]]))
    where = load_board(board)
    under = common.find_runtime(runtime, tflm, tflm_library, where)
    suffix = "" if under is OUR_C else f"-{under.name}"
    target = out or Path("runs") / f"characterize-{where.name.lower()}{suffix}"
    report = common.ProgressPrinter()
    found = characterize_report.characterize_spaces(
        spaces,
        where,
        target,
        samples=samples,
        seed=seed,
        jobs=cores() if jobs is None else jobs,
        compiler=compiler,
        device=device,
        runtime=under,
        ray=ray,
        progress=lambda done, of: report(StepEvent("measure", done, max(of, 1))),
    )
    if as_json:
        common.echo(json.dumps(found.to_json()))
        return
    from micronets.report.characterization import findings_text

    common.echo(f"{findings_text(found)}\n\n{target / characterize_report.FINDINGS_PAGE}")


commands: list[click.Command] = [measure, characterize]
