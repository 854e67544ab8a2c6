"""`micronets measure` and `characterize`: networks as C, run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from micronets.cli import common


@click.command()
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.tflite")
@click.option("--board", required=True, help="`micronets boards` lists them; or a board's .toml file.")
@click.option(
    "--device",
    default="sim",
    show_default=True,
    help="sim (a simulated Cortex-M), qemu (that and QEMU), host (here) or serial:PORT[@BAUD] (a real board).",
)
@common.runtime
@click.option("--compiler", help="gcc (arm-none-eabi-gcc) or zig (pip's ziglang); without it, the first that is there.")
@click.option("--samples", default=5, show_default=True, help="Inputs whose outputs are compared with the reference.")
@click.option("--seed", default=0, show_default=True, help="Of those inputs.")
@common.patches
@click.option(
    "--flash", is_flag=True, help="For serial:PORT: build the board's firmware and write it with pyOCD first."
)
@click.option(
    "--rate", type=float, help="Inferences a second: average power and battery life, the board asleep in between."
)
@click.option("--battery", help="For --rate: charge and voltage, such as 2.4Ah@1.5V; without it, a CR2032, 225mAh@3V.")
@click.option(
    "--firmware", type=click.Path(path_type=Path), help="For serial:PORT: only build it and write it to this file."
)
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
    as_json: bool,
) -> None:
    """Builds a model's C, or TFLM with it, runs it, checks every output byte; latency, energy, memory, cycles per
    layer.
    """
    from micronets.boards import battery as lives
    from micronets.boards.board import load_board
    from micronets.commands import measure
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
        measure.write_firmware(model, where, device, firmware, compiler, patches, runtime=under)
        note = "write it to the board, then measure without --firmware"
        click.echo(json.dumps({"firmware": str(firmware)}) if as_json else f"{firmware}: {note}")
        return
    found = measure.measure(
        model, where, device, compiler=compiler, samples=samples, seed=seed, flash=flash, patches=patches, runtime=under
    )
    if rate is not None:
        found = measure.at_rate(found, where, rate, cells)
    click.echo(json.dumps(found.to_json()) if as_json else measure.text(found))
    problems = measure.problems(found)
    if problems:
        raise CheckFailed("; ".join(problems))


@click.command()
@click.option(
    "--space", "spaces", required=True, multiple=True, help="A search space's name; may be given several times."
)
@click.option("--board", required=True, help="`micronets boards` lists them; or a board's .toml file.")
@click.option("--samples", default=50, show_default=True, help="Random networks of each space.")
@click.option(
    "--device",
    default="sim",
    show_default=True,
    help="sim (a simulated Cortex-M), qemu (that and QEMU) or serial:PORT[@BAUD] (a real board, flashed for every "
    "network).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Directory for results; without it, runs/characterize-BOARD, or -BOARD-tflm.",
)
@click.option("--seed", default=0, show_default=True, help="Of the draw.")
@click.option("--jobs", type=int, help="Networks measured at a time; without it, as many as there are processors.")
@common.runtime
@click.option("--compiler", help="gcc (arm-none-eabi-gcc) or zig (pip's ziglang); without it, the first that is there.")
@common.as_json
def characterize(
    spaces: tuple[str, ...],
    board: str,
    samples: int,
    device: str,
    out: Path | None,
    seed: int,
    jobs: int | None,
    runtime: str,
    tflm: Path | None,
    tflm_library: Path | None,
    compiler: str | None,
    as_json: bool,
) -> None:
    """Measures random networks of search spaces on a board: latency against ops, and a latency model fitted to them.

    Writes models.csv, findings.json, characterization.html and latency.toml; run again, it measures only what is
    missing.
    """
    import shlex
    import sys

    from micronets.boards.board import load_board
    from micronets.commands import characterize_report
    from micronets.commands.characterize import cores
    from micronets.runtimes import OUR_C

    common.set_resume_hint(shlex.join(["micronets", *sys.argv[1:]]))
    where = load_board(board)
    under = common.find_runtime(runtime, tflm, tflm_library, where)
    suffix = "" if under is OUR_C else f"-{under.name}"
    target = out or Path("runs") / f"characterize-{where.name.lower()}{suffix}"
    report = common.Progress()
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
        progress=lambda done, of: report({"stage": "measure", "step": done, "steps": max(of, 1)}),
    )
    if as_json:
        click.echo(json.dumps(found.to_json()))
        return
    from micronets.report.characterization import findings_text

    click.echo(f"{findings_text(found)}\n\n{target / characterize_report.PAGE}")


commands: list[click.Command] = [measure, characterize]
