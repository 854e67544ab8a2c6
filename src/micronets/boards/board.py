"""`Board` and `Budget`: what a network must fit on. Boards are TOML files in `boards/`, or a file of the user's."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from micronets.arguments import checked
from micronets.boards.cores import CORES, Core, core_of
from micronets.boards.targets import Target
from micronets.errors import FileError, SpecError, did_you_mean
from micronets.files import read_plain_text
from micronets.number import Number
from micronets.ranges import check_is_number, shown
from micronets.toml_text import parse_toml, toml_problem

_UNITS = {"": 1, "b": 1, "k": 1024, "kib": 1024, "kb": 1000, "m": 1024**2, "mib": 1024**2, "mb": 1000**2}
_NUMBERS = (
    "clock_hz",
    "sram_bytes",
    "flash_bytes",
    "active_power_w",
    "flash_wait_states",
    "cycle_factor",
    "cycle_uncertainty",
)
_OPTIONAL = ("simulation", "firmware", "sleep_power_w")
_TIMES = ("cycle_factor", "cycle_uncertainty", "simulation")
"""Keys about cycles, which a board's file must have if its core has a cycle model, and must not have otherwise."""
_UNKNOWN = ("active_power_w", "flash_wait_states")
"""Keys that may be left out if the core has no cycle model, as nothing is computed from them then."""
_REALS = ("sleep_power_w", "active_power_w", "cycle_factor", "cycle_uncertainty")


@dataclass(frozen=True)
class SimulationModel:
    """The factors that turn cycles simulated on a plain Cortex-M4 into those of the board, for generated C.

    - `instruction_lines`, `data_lines`: lines of the caches in front of its flash, 0 without a cache.
    - `line_bytes`: bytes of a line of both caches, a power of two.
    - `miss_cycles`: cycles that an access waits on a cache miss.
    - `factor`: the ratio of the board's cycles to those simulated with these caches.
    - `uncertainty`: relative error of the simulated cycles times the factor.
    - `source`: the source of these figures.
    """

    instruction_lines: int
    data_lines: int
    line_bytes: int
    miss_cycles: int
    factor: float
    uncertainty: float
    source: str


@dataclass(frozen=True)
class FirmwareTarget:
    """The settings for building the firmware that measures on a board over its serial line, and for flashing it.

    - `port`: the file of `device/firmware/serial` for the board's clock and serial line, without its suffix.
    - `flash_origin`, `ram_origin`: first addresses of flash and SRAM.
    - `uart`: the pins of the serial line, and the source for them.
    - `pyocd_target`: the chip's name in pyOCD; empty if pyOCD does not know it.
    """

    port: str
    flash_origin: int
    ram_origin: int
    uart: str
    pyocd_target: str


@dataclass(frozen=True)
class Board:
    """A microcontroller board.

    - `name`: the maker's name of the board.
    - `core`: the name of an entry in `cores.CORES`, as compilers write it.
    - `clock_hz`: the highest clock of the core.
    - `sram_bytes`: bytes of the largest SRAM with one contiguous address range.
    - `flash_bytes`: bytes of program flash.
    - `flash_cache`: words for the cache or buffer that hides the wait states of the flash.
    - `compiler_flags`: flags of GCC that select the core and its FPU.
    - `sources`: the source of each number, by field name.
    - `flash_wait_states`: wait states of a flash access at that clock, before any cache; None if unknown.
    - `active_power_w`: power while a network runs at that clock, in watts; None if unknown.
    - `cycle_factor`: the ratio of its cycles to those of a Cortex-M4 without wait states
      (`tflm_cycles.layer_base_cycles`); None if there is no cycle model of the core, and so no times.
    - `cycle_uncertainty`: relative error of that factor (0.1 is +-10 %), or None with it.
    - `sleep_power_w`: power of the deepest sleep that keeps the SRAM and wakes by a clock, in watts; None if unknown.
    - `simulation`: turns simulated cycles into the board's; if it is None, `cycle_factor` does.
    - `firmware`: the settings for measuring on the board itself; None where there is no port to it.
    """

    name: str
    core: str
    clock_hz: int
    sram_bytes: int
    flash_bytes: int
    flash_cache: str
    compiler_flags: tuple[str, ...]
    sources: Mapping[str, str]
    flash_wait_states: int | None = None
    active_power_w: float | None = None
    cycle_factor: float | None = None
    cycle_uncertainty: float | None = None
    sleep_power_w: float | None = None
    simulation: SimulationModel | None = None
    firmware: FirmwareTarget | None = None

    @property
    def target(self) -> Target:
        """The instruction set of code for the board. Raises `SpecError` for an unknown core."""
        return core_of(self.core, self.name).target

    @property
    def no_times(self) -> str | None:
        """Why there are no estimated or simulated times of the board, as a sentence; None if there are."""
        reason = core_of(self.core, self.name).no_times
        return f"{self.name}: {reason}" if reason else None

    def milliseconds(self, cycles: Number) -> Number:
        """Returns the time of `cycles` at the core's full clock; a number or a 0-d tensor."""
        return cycles * (1e3 / self.clock_hz)

    def millijoules(self, milliseconds: Number) -> Number:
        """Returns the energy, in mJ, of a network that runs for this time; None if the active power is unknown."""
        return None if self.active_power_w is None else milliseconds * self.active_power_w


@dataclass(frozen=True)
class Limit:
    """The names of a limit of a budget.

    - `name`: its field in `Budget`.
    - `label`: its name in tables.
    - `unit`: `B`, `ms`, `mJ` or `MACs`.
    """

    name: str
    label: str
    unit: str


def _limit(label: str, unit: str) -> Any:
    """Makes a field of `Budget`; it is no limit by default."""
    return field(default=None, metadata={"label": label, "unit": unit})


@dataclass(frozen=True)
class Budget:
    """Hard limits of a network; None is no limit. Raises `SpecError` for a limit that is not above 0.

    - `arena_bytes`: TFLM's arena on a 64-bit host, whose pointers make it larger than a board's.
    - `tflite_bytes`: the `.tflite` file.
    - `sram_bytes`: SRAM of the board: arena, runtime and stack.
    - `flash_bytes`: flash of the board: the network and the code.
    - `latency_ms`: time of one inference on the board.
    - `energy_mj`: energy of one inference on the board.
    - `macs`: multiply-accumulates of one inference.
    """

    arena_bytes: int | None = _limit("arena", "B")
    tflite_bytes: int | None = _limit(".tflite file", "B")
    sram_bytes: int | None = _limit("SRAM", "B")
    flash_bytes: int | None = _limit("flash", "B")
    latency_ms: float | None = _limit("latency", "ms")
    energy_mj: float | None = _limit("energy", "mJ")
    macs: int | None = _limit("MACs", "MACs")

    def __post_init__(self) -> None:
        for limit, value in self.limits().items():
            check_is_number(f"budget: {limit}", value)
            if not value > 0:
                raise SpecError(f"budget: {limit} = {value}; a limit is greater than 0")

    def limits(self) -> dict[str, float]:
        """Returns the limits that are set, by name."""
        values = {name: getattr(self, name) for name in LIMITS}
        return {name: value for name, value in values.items() if value is not None}


LIMITS: Mapping[str, Limit] = {f.name: Limit(f.name, f.metadata["label"], f.metadata["unit"]) for f in fields(Budget)}
"""Every limit that a budget can set, by name. Each runtime has a cost of the same name (`cost.costs.RuntimeCosts`)."""


TIME_LIMITS = ("latency_ms", "energy_mj")
"""Limits whose costs are known only for boards with times."""


def estimated_limits(board: Board) -> tuple[str, ...]:
    """Returns the names of the limits that can be estimated on a board: all, or those that need no times."""
    return tuple(name for name in LIMITS if not (board.no_times and name in TIME_LIMITS))


def board_budget(budget: Budget, board: Board) -> Budget:
    """Returns the budget with limits on SRAM and flash that are at most the board's own."""
    sram, flash = board.sram_bytes, board.flash_bytes
    return replace(
        budget,
        sram_bytes=min(budget.sram_bytes or sram, sram),
        flash_bytes=min(budget.flash_bytes or flash, flash),
    )


def parse_size(value: int | str, where: str = "size") -> int:
    """Returns a size in bytes.

    - `value`: an integer, 0 or more, or a string with a unit: K or KiB (1024), kB (1000), M or MiB (1024^2), MB
      (1000^2).
    - `where`: the name of the size for error messages.

    Raises `SpecError` for anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:_\d+)*(?:\.\d+)?)\s*([A-Za-z]*)\s*", value)
        if match and match[2].lower() in _UNITS:
            size = float(match[1].replace("_", "")) * _UNITS[match[2].lower()]
            if math.isfinite(size) and size == int(size):
                return int(size)
    raise SpecError(
        f"{where}: {value!r} is not a size; write whole bytes, or 128K, 128KiB (1024), 128kB (1000), 1M, 1MiB, 1MB"
    )


def board_names() -> tuple[str, ...]:
    """Returns the names of the built-in boards, sorted."""
    return tuple(sorted(_known_boards()))


@checked
def load_board(board: str | PathLike[str] | Board) -> Board:
    """Returns a board.

    - `board`: the name of a built-in board (case, spaces and dashes do not matter), the path of a `.toml` file that
      describes one, or a `Board`, which is returned as it is.

    Raises `SpecError` for an unknown name or a bad description, `FileError` for a file that cannot be read.
    """
    if isinstance(board, Board):
        return board
    name, known = fspath(board), _known_boards()
    for one in known.values():
        if _normalised(one.name) == _normalised(name):
            return one
    if name.endswith(".toml"):
        return _parse_board(_read_board_file(Path(name)), name)
    raise SpecError(f"unknown board '{name}'; {did_you_mean(name, known)}; or give the path of a board's .toml file")


def _normalised(name: str) -> str:
    """Returns a board's name in lower case and without spaces, underscores and dashes."""
    return re.sub(r"[\s_-]", "", name.lower())


def _board_files() -> list[Traversable]:
    """Returns the files of the built-in boards."""
    return [e for e in (files("micronets") / "boards").iterdir() if e.name.endswith(".toml")]


@cache
def _known_boards() -> Mapping[str, Board]:
    """Returns the built-in boards, by name; their files are read once."""
    boards = [_parse_board(e.read_text("utf-8"), f"boards/{e.name}") for e in _board_files()]
    return {b.name: b for b in boards}


def board_file(name: str) -> str:
    """Returns the TOML of a built-in board, as a start for a user's own.

    Raises `SpecError` for an unknown name.
    """
    for entry in _board_files():
        text = entry.read_text("utf-8")
        if _normalised(_parse_board(text, f"boards/{entry.name}").name) == _normalised(name):
            return text
    raise SpecError(f"unknown board '{name}'; {did_you_mean(name, _known_boards())}")


def _read_board_file(path: Path) -> str:
    """Reads a user's board file. Raises `FileError` if it cannot be read."""
    try:
        return read_plain_text(path)
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "not UTF-8 text"
        raise FileError(f"{path}: cannot read this board file ({reason})") from e


def _parse_board(text: str, where: str) -> Board:
    """Makes a board from its TOML. Raises `SpecError` for a key that is missing, unknown or out of range."""
    try:
        raw = parse_toml(text)
    except (ValueError, RecursionError) as e:
        raise SpecError(f"{where}: not TOML ({toml_problem(e)})") from e
    names = {f.name for f in fields(Board)}
    for key in raw:
        if key not in names:
            raise SpecError(f"{where}: unknown key '{key}'; {did_you_mean(key, names)}")
    needed = names - raw.keys() - set(_OPTIONAL)
    core = _core(raw, where) if "core" in raw else None
    if core is not None and core.no_times:
        needed -= {*_TIMES, *_UNKNOWN}
    for key in sorted(needed):
        raise SpecError(f"{where}: '{key}' is missing; a board has: {', '.join(sorted(names))}")
    if core is not None and core.no_times:
        for key in _TIMES:
            if key in raw:
                raise SpecError(f"{where}: '{key}' is about times, but there is {core.no_times}; leave it out")
    for key in ("sram_bytes", "flash_bytes"):
        raw[key] = parse_size(raw[key], f"{where}: {key}")
    _check_values(raw, where)
    if "simulation" in raw:
        raw["simulation"] = _simulation(raw["simulation"], where)
    if "firmware" in raw:
        raw["firmware"] = _firmware(raw["firmware"], where)
        if "flash_wait_states" not in raw:
            raise SpecError(f"{where}: 'flash_wait_states' is missing: the firmware of a [firmware] sets them")
    return Board(**raw | {"compiler_flags": tuple(raw["compiler_flags"])})


def _core(raw: Mapping[str, Any], where: str) -> Core:
    """Returns the core that a board's file names. Raises `SpecError` for an unknown one."""
    if not isinstance(raw["core"], str):
        raise SpecError(f"{where}: core = {raw['core']!r}; need one of: {', '.join(sorted(CORES))}")
    return core_of(raw["core"], where)


def _simulation(raw: object, where: str) -> SimulationModel:
    """Checks and returns the table [simulation] of a board's file. Raises `SpecError`."""
    kinds = {f.name: f.type for f in fields(SimulationModel)}
    if not isinstance(raw, dict) or raw.keys() != kinds.keys():
        raise SpecError(f"{where}: [simulation] needs exactly these keys: {', '.join(kinds)}")
    for key, value in raw.items():
        if key == "source":
            right = isinstance(value, str) and value != ""
        else:
            least = 1e-9 if kinds[key] == "float" or key == "line_bytes" else 0
            right = isinstance(value, (int, float) if kinds[key] == "float" else int) and least <= value < math.inf
        if not right or isinstance(value, bool):
            raise SpecError(
                f"{where}: simulation.{key} = {value!r}; need {'text' if key == 'source' else 'a number, not below 0'}"
            )
    if raw["line_bytes"] & raw["line_bytes"] - 1:
        raise SpecError(f"{where}: simulation.line_bytes = {raw['line_bytes']}; need a power of two")
    return SimulationModel(**raw)


def _firmware(raw: object, where: str) -> FirmwareTarget:
    """Checks and returns the table [firmware] of a board's file. Raises `SpecError`."""
    kinds = {f.name: f.type for f in fields(FirmwareTarget)}
    if not isinstance(raw, dict) or raw.keys() != kinds.keys():
        raise SpecError(f"{where}: [firmware] needs exactly these keys: {', '.join(kinds)}")
    for key, value in raw.items():
        text = kinds[key] == "str"
        address = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32
        if not (isinstance(value, str) if text else address):
            raise SpecError(f"{where}: firmware.{key} = {value!r}; need {'text' if text else 'a 32-bit address'}")
    return FirmwareTarget(**raw)


_NAME = re.compile(r"[\w.(][\w .,+()/-]{0,59}")
"""The allowed names of boards, which have no special meaning to a terminal, a page, C, CMake or Markdown."""

_FLAG = re.compile(r"[\w=.,+:/@-]+")


def _check_values(raw: Mapping[str, Any], where: str) -> None:
    """Raises `SpecError` for the first value of a board's file that is not allowed, or that has no source."""
    for key in ("name", "flash_cache"):
        if not isinstance(raw[key], str) or not raw[key]:
            raise SpecError(f"{where}: {key} = {raw[key]!r}; need text")
    if not _NAME.fullmatch(raw["name"]):
        raise SpecError(
            f"{where}: name = {shown(raw['name'])}; need up to 60 letters, digits, spaces and . , _ + - ( ) /, since "
            "it stands in pages, projects and firmware"
        )
    numbers = tuple(key for key in (*_NUMBERS, "sleep_power_w") if key in raw)
    for key in numbers:
        value, least = raw[key], 0 if key == "flash_wait_states" else 1e-12
        kinds = (int, float) if key in _REALS else (int,)
        if not isinstance(value, kinds) or isinstance(value, bool) or not least <= value < math.inf:
            raise SpecError(
                f"{where}: {key} = {value!r}; need {'a number' if float in kinds else 'an integer'} above 0"
            )
    if "sleep_power_w" in raw and raw["sleep_power_w"] >= raw.get("active_power_w", math.inf):
        raise SpecError(f"{where}: sleep_power_w = {raw['sleep_power_w']!r}; need less than active_power_w, in watts")
    flags = raw["compiler_flags"]
    if not isinstance(flags, list) or not all(isinstance(f, str) for f in flags):
        raise SpecError(f"{where}: compiler_flags = {flags!r}; need a list of texts")
    for flag in flags:
        if not _FLAG.fullmatch(flag):
            raise SpecError(
                f"{where}: compiler_flags holds {shown(flag)}; need one flag an entry, of letters, digits and "
                "= . , + : / @ _ - alone, since it stands in CMake files and commands"
            )
    sources = raw["sources"]
    if not isinstance(sources, dict):
        raise SpecError(f"{where}: sources = {sources!r}; need a table [sources]")
    for key in sources:
        if key not in numbers:
            raise SpecError(f"{where}: unknown key 'sources.{key}'; {did_you_mean(key, numbers)}")
    for key in numbers:
        if not isinstance(sources.get(key), str) or not sources[key]:
            raise SpecError(f"{where}: {key} has no source; say in [sources] where the number is from")
