"""`inspect`: a network and its costs on a board, layer by layer. Everything is estimated, unless the time of our C is
simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from micronets import records
from micronets.arguments import checked
from micronets.boards.board import Board, load_board
from micronets.boards.cores import core_of
from micronets.commands.measure import measure, problems
from micronets.compiler import optimise, plan_patches
from micronets.cost.costs import RUNTIME_FLASH_BYTES, Network, cost, front_end_cycles
from micronets.cost.front_end import FrontEndCost, front_end_cost
from micronets.cost.latency_model import fitted_cycles, kernel_kind, shipped_model
from micronets.cost.layer_table import LayerInspection, layer_inspections
from micronets.errors import CheckFailed, DoesNotFit, FileError, SpecError, UnsupportedError
from micronets.files import read_plain_text
from micronets.importers.network import FloatNetwork
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import Shape
from micronets.records import JsonObject, Row
from micronets.runtimes import OUR_C
from micronets.runtimes.c import compiled_flash_bytes, largest_arena_bytes, network_flash_bytes, sram_bytes
from micronets.streaming.carried import counted_front_end, input_frames
from micronets.streaming.plan import inferences_a_second
from micronets.terminal import amount, amount_row, counted, text_table
from micronets.tflite import ModelFile, ModelSource, model_file
from micronets.tflite.tflm_limits import why_tflm_cannot_run


@dataclass(frozen=True)
class FrontEndInspection:
    """The estimated costs of the front end of a model on a board.

    - `frames`: frames of one input of the network. `frames_a_second`: frames of a second of the signal; None for an
      image or an array.
    - `frame_cycles`: cycles of one frame on the board.
    - `latency_ms`, `energy_mj`: time and energy of the frames of one input.
    - `second_ms`, `second_mj`: time and energy of the frames of a second of sound.
    - `inferences_a_second`: inferences in a second of a stream; None for a model that cannot listen.
    - `kept_bytes`, `scratch_bytes`: bytes of SRAM that persist from frame to frame, and that computing a frame needs;
      our C uses the arena for the latter.
    - `flash_bytes`: bytes of tables and code.

    Cycles, times and energies are None if there is no cycle model of the board's core.
    """

    frames: int
    frames_a_second: float | None
    frame_cycles: float | None
    latency_ms: float | None
    energy_mj: float | None
    second_ms: float | None
    second_mj: float | None
    inferences_a_second: float | None
    kept_bytes: int
    scratch_bytes: int
    flash_bytes: int


@dataclass(frozen=True)
class Inspection:
    """The costs of a network on a board: estimates, except for times of the generated C if these were simulated.

    - `model`: path of the file.
    - `board`: the board's name.
    - `source`: the source of the figures.
    - `macs`, `ops`: multiply-accumulates, and twice as many operations.
    - `params`, `weight_bytes`: number of weights and biases, and their bytes.
    - `tflite_bytes`: bytes of the file, or of the file that it would be.
    - `arena_tflm_host64_bytes`, `arena_tflm_cortex_m_bytes`: TFLM's arena on a 64-bit host and on a Cortex-M.
    - `arena_c_bytes`: our C's arena as `compile` would plan it for the board.
    - `arena_c_patched_bytes`: the smallest arena of our C, with layers in patches.
    - `sram_bytes`, `flash_bytes`: memory of the network under TFLM.
    - `sram_c_bytes`, `flash_c_bytes`: memory of the network as our C.
    - `board_sram_bytes`, `board_flash_bytes`: memory of the board.
    - `latency_ms`, `energy_mj`: time and energy of one inference under TFLM; within +-`uncertainty` (0.1 is 10 %). None
      if there is no cycle model of the board's core, as no_times then says.
    - `latency_c_ms`, `energy_c_mj`, `uncertainty_c`: the same for our C; None if unknown, for the reason in no_times_c.
    - `source_c`: their source: the "latency model" of the board, or "simulated".
    - `fits`, `fits_c`: whether it fits the board under TFLM, and as our C.
    - `no_tflm`: why there are no figures for TFLM on the board, if it is not built for its core: TFLM's SRAM, flash and
      fit are then None.
    - `front_end`: the integer front end on which the model was trained, or None. It is a part of SRAM, flash, latency
      and energy, which are those of one input of the network with all its frames.
    - `per_layer`: a row for each layer, in order.
    """

    model: str
    board: str
    source: str
    macs: int
    ops: int
    params: int
    weight_bytes: int
    tflite_bytes: int
    arena_tflm_host64_bytes: int
    arena_tflm_cortex_m_bytes: int
    arena_c_bytes: int
    arena_c_patched_bytes: int
    sram_bytes: int | None
    flash_bytes: int | None
    sram_c_bytes: int
    flash_c_bytes: int
    board_sram_bytes: int
    board_flash_bytes: int
    latency_ms: float | None
    energy_mj: float | None
    uncertainty: float | None
    no_times: str | None
    latency_c_ms: float | None
    energy_c_mj: float | None
    uncertainty_c: float | None
    source_c: str | None
    no_times_c: str | None
    no_tflm: str | None
    fits: bool | None
    fits_c: bool
    input_shape: Shape
    front_end: FrontEndInspection | None
    per_layer: tuple[LayerInspection, ...]

    def to_json(self) -> JsonObject:
        """Returns the record as `micronets inspect --json` prints it."""
        return records.to_json(self)

    def rows(self) -> list[Row]:
        """Returns a flat row for each layer, for a table: `pandas.DataFrame(inspection.rows())`."""
        return records.rows(self.per_layer)

    def text(self) -> str:
        """Returns the text of the record for a terminal."""
        cycles = () if self.no_times else ("cycles",)
        head = ("layer", "kind", "output", "MACs", "bits", "params", "weight bytes", "live bytes", *cycles)
        rows = [
            (
                r.name,
                r.kind,
                "x".join(map(str, r.output_shape)),
                f"{r.macs:,}",
                "" if r.weight_bits is None else str(r.weight_bits),
                *(f"{n:,}" for n in (r.params, r.weight_bytes, r.live_bytes, r.cycles) if n is not None),
            )
            for r in self.per_layer
        ]
        sram, flash = f"of {self.board_sram_bytes:,}", f"of {self.board_flash_bytes:,}"
        totals = [
            ("MACs", amount(self.macs, "MACs"), f"{self.ops:,} ops"),
            ("parameters", f"{self.params:,}", f"{self.weight_bytes:,} bytes"),
            (".tflite file", amount(self.tflite_bytes, "B"), ""),
            ("arena, TFLM", amount(self.arena_tflm_host64_bytes, "B"), "64-bit host"),
            ("arena, TFLM", amount(self.arena_tflm_cortex_m_bytes, "B"), "Cortex-M"),
            ("arena, our C", amount(self.arena_c_bytes, "B"), "micronets compile"),
            ("arena, our C", amount(self.arena_c_patched_bytes, "B"), "the same with --patches smallest"),
            *amount_row("SRAM, TFLM", self.sram_bytes, "B", f"{sram}: arena, runtime, stack"),
            ("SRAM, our C", amount(self.sram_c_bytes, "B"), f"{sram}: arena, state, stack"),
            *amount_row("flash, TFLM", self.flash_bytes, "B", f"{flash}: file and code"),
            ("flash, our C", amount(self.flash_c_bytes, "B"), f"{flash}: weights, tables, code"),
        ]
        if self.uncertainty is not None:
            unsure = f"+-{self.uncertainty:.0%}"
            totals += amount_row("latency, TFLM", self.latency_ms, "ms", unsure)
            totals += amount_row("energy, TFLM", self.energy_mj, "mJ", unsure)
        if self.uncertainty_c is not None:
            unsure = f"+-{self.uncertainty_c:.0%}, {self.source_c}"
            totals += amount_row("latency, our C", self.latency_c_ms, "ms", unsure)
            totals += amount_row("energy, our C", self.energy_c_mj, "mJ", unsure)
        totals += self._front_end_rows()
        reasons = dict.fromkeys((self.no_times, self.no_times_c, self.no_tflm))
        totals += [("not known", "", reason) for reason in reasons if reason is not None]
        last = f"{Path(self.model).name} {self.fit_text()} (source: {self.source})"
        layers = text_table(head, rows, range(3, len(head)))
        return "\n".join([layers, "", text_table(("total", "", ""), totals, (1,)), "", last])

    def _front_end_rows(self) -> list[tuple[str, str, str]]:
        """Returns the rows of totals for the front end's part; none if the model has no integer front end."""
        one = self.front_end
        if one is None:
            return []
        each = "" if one.frame_cycles is None else f" of {one.frame_cycles:,.0f} cycles"
        often, listening = one.inferences_a_second, []
        if often is not None and one.second_ms is not None and one.latency_ms is not None:
            all_ms = one.second_ms + often * ((self.latency_ms or 0) - one.latency_ms)
            about = f"a second of sound: {one.second_ms:.3g} ms, and {often:.3g} runs of the network"
            listening = amount_row("listening", all_ms, "ms", about)
        return [
            *listening,
            *amount_row("front end", one.latency_ms, "ms", f"of the latency: {counted(one.frames, 'frames')}{each}"),
            *amount_row("front end", one.energy_mj, "mJ", "of the energy"),
            ("front end", amount(one.kept_bytes, "B"), f"of SRAM, and {one.scratch_bytes:,} of scratch memory"),
            ("front end", amount(one.flash_bytes, "B"), "of flash"),
        ]

    def fit_text(self) -> str:
        """Returns the end of a sentence on whether the network fits, and if not, by how much it is too large."""
        sizes = (
            (self.sram_bytes, self.board_sram_bytes, "SRAM", "under TFLM"),
            (self.flash_bytes, self.board_flash_bytes, "flash", "under TFLM"),
            (self.sram_c_bytes, self.board_sram_bytes, "SRAM", "as our C"),
            (self.flash_c_bytes, self.board_flash_bytes, "flash", "as our C"),
        )
        over = ", ".join(
            f"{used - there:,} bytes of {memory} too much {how}"
            for used, there, memory, how in sizes
            if used is not None and used > there
        )
        match self.fits, self.fits_c:
            case None, True:
                return f"fits {self.board} as our C"
            case True, True:
                return f"fits {self.board}, under TFLM and as our C"
            case None | False, False:
                return f"does NOT fit {self.board}: {over}"
            case tflm, _:
                return f"fits {self.board} {'under TFLM, NOT as our C' if tflm else 'as our C, NOT under TFLM'}: {over}"

    def check(self) -> None:
        """Raises `DoesNotFit`, with the excess, if the network fits the board under no runtime."""
        if not self.fits and not self.fits_c:
            name = Path(self.model).name
            raise DoesNotFit(f"{name} {self.fit_text()}; take fewer channels, weights of 4 bits, or a larger board")


@dataclass(frozen=True)
class _Times:
    """Latency in ms and energy in mJ of our C, within +-uncertainty, and their source; or why they are unknown."""

    latency_ms: float | None = None
    energy_mj: float | None = None
    uncertainty: float | None = None
    source: str | None = None
    unknown: str | None = None


@checked
def inspect(
    model: ModelSource | Arch | FloatNetwork, board: str | Path | Board, *, simulate: bool = False
) -> Inspection:
    """Estimates what a network costs on a board; nothing runs unless `simulate` is true.

    - `model`: the path of a `.tflite` or of an architecture's `.json`, a model in memory, an architecture, or the
      result of `from_torch`, which costs the same as its architecture. Our C is the one that `compile` writes for a
      model on this board, with layers in patches if it needs them to fit; for an architecture, which has no weights, it
      is that of the unchanged network.
    - `board`: a name, the path of a board's TOML file, or a board.
    - `simulate`: whether our C runs on the simulated board for its times; for a model with weights only.

    Raises `FileError`, `SpecError` and `UnsupportedError` for what cannot be read.
    """
    where = load_board(board)
    if isinstance(model, FloatNetwork):
        model = model.arch
    if isinstance(model, (str, PathLike)) and Path(model).suffix == ".json":
        name, model = str(model), _read_arch(Path(model))
    else:
        name = ""
    if isinstance(model, Arch):
        if simulate:
            raise SpecError(
                f"{name or 'this network'}: simulate is for a model with weights; give a .tflite, or leave it out"
            )
        return _inspected(model, where, name=name)
    file = model_file(model)
    return _inspected(file.model.arch, where, file, file.name, simulate)


def _read_arch(path: Path) -> Arch:
    try:
        return Arch.from_json(read_plain_text(path), str(path))
    except OSError as e:
        raise FileError(f"{path}: cannot read this architecture ({e.strerror}); give a .tflite or a .json") from e
    except UnicodeDecodeError as e:
        raise FileError(f"{path}: not an architecture: not UTF-8 text") from e


def _estimated_times(steps: Sequence[Step], board: Board, front_end: FrontEndCost | None) -> _Times:
    """Returns the times by our C's latency model, and the front end's, if the board's model knows all layers."""
    if board.no_times is not None:
        return _Times(unknown=board.no_times)
    model = shipped_model(board.name, OUR_C.name)
    how = "'micronets inspect --simulate' runs a .tflite in the simulator"
    if model is None:
        return _Times(unknown=f"{board.name} has no latency model of our C; {how}")
    try:
        latency = float(board.milliseconds(fitted_cycles(steps, model) + front_end_cycles(front_end, board)))
    except SpecError:
        kinds = sorted({kind for step in steps if (kind := kernel_kind(step)) is not None and kind not in model.kinds})
        return _Times(unknown=f"the latency model of our C on {board.name} has no {', '.join(kinds)}; {how}")
    unsure = board.simulation.uncertainty if board.simulation is not None else 0.0
    return _Times(latency, board.millijoules(latency), unsure + model.worst_error, "latency model")


def _simulated_times(file: ModelFile, board: Board) -> _Times:
    """Returns the times of our C's firmware on the simulated board.

    Raises `CheckFailed` if its outputs differ from the reference's.
    """
    found = measure(file, board, samples=1)
    if not found.bit_exact:
        raise CheckFailed("; ".join(problems(found)))
    if found.no_times is not None:
        return _Times(unknown=found.no_times)
    return _Times(found.latency_ms, found.energy_mj, found.uncertainty, found.source)


def _inspected(
    arch: Arch, board: Board, file: ModelFile | None = None, name: str = "", simulate: bool = False
) -> Inspection:
    """Makes the record.

    - `file`: the file of the network, with its size and its tensors; None without a file.
    - `name`: the file's name, for the result.
    - `simulate`: see `inspect`.
    """
    tensors, file_bytes = (None, None) if file is None else (file.tensors, len(file.content))
    fe = None if file is None else counted_front_end(file.model)
    front_end = None if file is None or fe is None else front_end_cost(fe, input_frames(file.model))
    c = cost(arch, board, tensors=tensors, front_end=front_end)
    no_tflm = core_of(board.core, board.name).no_tflm
    if file is not None:
        no_tflm = no_tflm or why_tflm_cannot_run(file.model, file.tensors)
    ours = arch if file is None else optimise(file.model).arch
    more = 0 if front_end is None else front_end.flash_bytes
    flash = c.flash_bytes if file_bytes is None else file_bytes + RUNTIME_FLASH_BYTES + more
    arena, smallest = (plan_patches(ours, limit, board.target).bytes for limit in (largest_arena_bytes(board), 0))
    sram_c = sram_bytes(arena, ours.steps()) + (0 if front_end is None else int(front_end.sram_bytes(arena)))
    flash_c = int(network_flash_bytes(Network(ours.steps(), board, 0, ours, tensors)))
    if file is not None:
        with suppress(UnsupportedError):  # values that C cannot hold, for which `compile` raises an error
            flash_c = compiled_flash_bytes(file.model, board)
    flash_c += more
    if file is not None and simulate:
        times = _simulated_times(file, board)
    else:
        times = _estimated_times(ours.steps(), board, front_end)
    return Inspection(
        model=name,
        board=board.name,
        source=c.source,
        macs=c.macs,
        ops=2 * c.macs,
        params=c.params,
        weight_bytes=c.weight_bytes,
        tflite_bytes=c.tflite_bytes if file_bytes is None else file_bytes,
        arena_tflm_host64_bytes=c.arena_bytes,
        arena_tflm_cortex_m_bytes=c.arena_tflm_cortex_m_bytes,
        arena_c_bytes=arena,
        arena_c_patched_bytes=smallest,
        sram_bytes=None if no_tflm else c.sram_bytes,
        flash_bytes=None if no_tflm else flash,
        sram_c_bytes=sram_c,
        flash_c_bytes=flash_c,
        board_sram_bytes=board.sram_bytes,
        board_flash_bytes=board.flash_bytes,
        latency_ms=c.latency_ms,
        energy_mj=c.energy_mj,
        uncertainty=c.uncertainty,
        no_times=c.no_times,
        latency_c_ms=times.latency_ms,
        energy_c_mj=times.energy_mj,
        uncertainty_c=times.uncertainty,
        source_c=times.source,
        no_times_c=times.unknown,
        no_tflm=no_tflm,
        fits=None if no_tflm else c.sram_bytes <= board.sram_bytes and flash <= board.flash_bytes,
        fits_c=sram_c <= board.sram_bytes and flash_c <= board.flash_bytes,
        input_shape=arch.input_shape,
        front_end=None if front_end is None else _front_end(front_end, board, file),
        per_layer=layer_inspections(arch, board),
    )


def _front_end(cost: FrontEndCost, board: Board, file: ModelFile | None) -> FrontEndInspection:
    """Returns the costs of a model's front end on a board."""
    frame = None if board.cycle_factor is None else cost.frame_cycles * board.cycle_factor
    one, second = (
        None if frame is None or frames is None else board.milliseconds(frames * frame)
        for frames in (cost.frames, cost.frames_a_second)
    )
    return FrontEndInspection(
        frames=cost.frames,
        frames_a_second=cost.frames_a_second,
        frame_cycles=frame,
        latency_ms=one,
        energy_mj=None if one is None else board.millijoules(one),
        second_ms=second,
        second_mj=None if second is None else board.millijoules(second),
        inferences_a_second=None if file is None else inferences_a_second(file.model),
        kept_bytes=cost.kept_bytes,
        scratch_bytes=cost.scratch_bytes,
        flash_bytes=cost.flash_bytes,
    )
