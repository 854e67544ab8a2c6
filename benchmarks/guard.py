"""What the package computes, recorded, so that others can refactor without fear.

Run from the repository:

    python -m benchmarks.guard record BEFORE.json [--networks DIR]     on the tree as it was
    python -m benchmarks.guard record AFTER.json [--networks DIR]      on the changed tree
    python -m benchmarks.guard compare BEFORE.json AFTER.json [--allow text]

`record` takes four parts: the models of the zoo (`zoo`), those of SHARED/models and its folders (`models`), 200 random
networks (`random`) and two tiny trainings, one on sound and one on images (`runs`). For each network it writes down,
under these kinds:

- file, written, inputs: SHA-256 of the file, of the file that the writer makes of what was read, and of the inputs.
- read: whether the file reads, is refused with a message, or makes the package fail; and what is said.
- text: SHA-256 of the generated files: those of the network itself (`network`), what lies around them (`around`), and
  those of the kernels that it takes (`kernels`).
- outputs: SHA-256 of every output byte of the numpy reference, and of the generated C built and run on this machine.
- predictions: the arena and the constants, of our C and for TFLM, and what `compile` says for the board.
- inspect: all that `inspect --json` tells.
- cycles: those of the simulated Cortex-M4, in total and of each layer; of the zoo also those of the Cortex-M7.
- sizes: SRAM, flash, code and stack of the firmware built for the board, and whether its outputs are the reference's.
- trained: SHA-256 of the `model.tflite` of the two trainings, and their scores.

Our C is recorded twice: layer by layer (`whole`), and in the smallest arena (`bands`) where that makes another network
in C.

`compare` prints how many figures of each kind are equal and what differs, and exits with 1 if anything differs.
`--allow KIND`, which may be given several times, lets a kind differ, or a part of one (`--allow text/kernels`, `--allow
inspect/sram_c_bytes`). After a move of modules nothing may differ; after renames in C only `text` may. Where a key of a
command's JSON has a new name, `--renamed inspect/OLD=inspect/NEW` compares the figure under both names.

Records are to be made on one machine with the same compilers and packages; `compare` says where these differ.

--part PART      takes single parts; may be given several times. With --add the other parts of the file remain.
--networks DIR   keeps the files of the random networks in DIR, or takes them from there: so both records see the same
                 networks even if the generator in tests/ changes.
--random N       takes the first N random networks; `compare` then looks at so many of the other record.
--quick          takes 40 random networks, one sample, the simulator for few networks and no trainings.

Whoever moves a module that this program imports follows in the imports below; a record does not depend on where modules
are.

A full record takes 11 minutes of processor time, in two processes, and one with `--quick` takes one minute. On two
cores that ten others shared these were 25 and 3 minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from micronets.compiler import Compiled, compile_model
from micronets.device.host import build_library
from micronets.errors import MicronetsError
from micronets.quantized.model import QuantizedModel
from micronets.quantized.reference import run as run_reference

# Everything that this program knows of the package's and the tests' modules; whoever moves one follows here.
from micronets.runtimes.base import seeded_inputs
from micronets.tflite import read, write
from tests.support.calling import call, start
from tests.support.random_models import random_arch, random_model
from tests.support.realistic_archs import random_arch as random_realistic_arch
from tests.support.tones import CONFIG as SOUND
from tests.support.tones import tones

BOARD = "NUCLEO-F446RE"
LARGER_BOARD = "NUCLEO-F746ZG"
PARTS = ("zoo", "models", "random", "runs")
RANDOM = 200
REALISTIC_EVERY = 8  # every eighth random network is one of tests/support/realistic_archs.py
PROCESSES = 2
SAMPLES = 3
SHOWN = 3
QUICK_RANDOM = 40
QUICK_SIMULATED = ("kws_frontier", "random 000", "random 001", "random 002")
BATCH = {"zoo": 1, "models": 2, "random": 5}  # networks that are built for this machine in one library
SIZES = ("sram_bytes", "flash_bytes", "code_bytes", "stack_bytes", "bit_exact", "fits")
SUMMED = ("cycles", "instructions", "sram_bytes", "flash_bytes", "arena_bytes", "constant_bytes")
CYCLES = ("cycles", "core_cycles", "dual_issue_cycles", "instructions")

IMAGES = """
task = "ic"
board = "NUCLEO-F446RE"
out = "{out}"

[data]
synthetic_images = 120

[budget]
arena_bytes = "64K"
tflite_bytes = "64K"
macs = 4e6

[space]
name = "mobilenetv2"
resolutions = [32]
colours = [3]
width_multiplier = 0.25
expansion = 2
blocks = [1, 1, 1, 1, 1, 1, 1]
kernels = [3]

[search]
epochs = 2
batch = 32

[train]
epochs = 3
qat_epochs = 1
batch = 32
calibration_batches = 2
"""

T = TypeVar("T")
R = TypeVar("R")
Figures = dict[str, Any]
Leaf = str | int | float | bool | None


@dataclass(frozen=True)
class Job:
    """One network to record: its name in the record, its file, and the boards whose processor is simulated with it."""

    name: str
    path: Path
    samples: int
    simulated: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """What to record, and how.

    shared: the folder with `models`. count: how many random networks. quick: see the top of this file.
    processes: how many work at a time.
    """

    shared: Path
    count: int = RANDOM
    quick: bool = False
    processes: int = PROCESSES


@dataclass(frozen=True)
class Built:
    """A network as C in one of its ways (`whole` or `bands`), and its inputs `[samples, *input_shape]`."""

    network: str
    way: str
    compiled: Compiled
    x: npt.NDArray[Any]


@dataclass(frozen=True)
class Row:
    """How many figures of one kind are equal in two records, differ, or are held by one record only."""

    kind: str
    equal: int
    changed: int
    only_before: int
    only_after: int
    allowed: bool

    @property
    def differs(self) -> bool:
        """Whether the two records differ in this kind."""
        return self.changed + self.only_before + self.only_after > 0


@dataclass(frozen=True)
class Difference:
    """One figure that differs; `None` as text stands for a figure that a record does not hold."""

    network: str
    path: str
    before: str | None
    after: str | None


@dataclass
class Comparison:
    """Two records beside each other: a row for each kind, the differences, the sums that tell a direction, and remarks.

    recorded: how many networks or trainings each part of the record of before holds, and how many of the networks read.
    """

    recorded: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    sums: list[tuple[str, int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether something differs that was not allowed to."""
        return any(row.differs and not row.allowed for row in self.rows)


def sha(data: bytes | str) -> str:
    """Returns the SHA-256 of bytes, or of a text as UTF-8, in hexadecimal digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def array_sha(values: npt.NDArray[Any]) -> str:
    """Returns the SHA-256 of an array's type, shape and bytes."""
    return sha(f"{values.dtype} {values.shape} ".encode() + np.ascontiguousarray(values).tobytes())


def is_of_network(name: str) -> bool:
    """Returns whether a generated file holds the network itself: neither a kernel nor what lies around."""
    return name in ("model.c", "model.h")


def is_kernel(name: str) -> bool:
    """Returns whether a generated file is one of our kernels', the same for every network; what is for TFLM is not."""
    return name.startswith("micronets_") and not name.startswith("micronets_tflm")


def command(job: Job, *words: str) -> tuple[Figures, str]:
    """Returns what `micronets WORDS --json` prints, and what it says where its exit code is not 0.

    A fault of the package is told by the exception's name. The job's name takes the place of the file's path,
    so that it does not matter where the file lies.
    """
    try:
        done = call(*words, "--json")
    except Exception as e:  # a fault of the package is a result here
        return {}, f"failed: {type(e).__name__}"
    said = done.err.replace(str(job.path), job.name).strip() if done.code else ""
    try:
        found = json.loads(done.out) if done.out else {}
    except ValueError:
        return {}, f"failed: no JSON on stdout, exit code {done.code}"
    return found, f"exit code {done.code}: {said}" if done.code else ""


def model_of(job: Job) -> tuple[QuantizedModel | None, Figures]:
    """Returns the network in the job's file, if it reads, and the outcome of reading it."""
    try:
        return read(job.path.read_bytes(), job.name), {"outcome": "reads"}
    except MicronetsError as e:
        return None, {"outcome": "refused", "exit_code": e.exit_code, "says": str(e)}
    except Exception as e:  # a fault of the package is a result here
        return None, {"outcome": f"failed: {type(e).__name__}"}


def compiled_ways(model: QuantizedModel) -> dict[str, Compiled]:
    """Returns the network as C layer by layer, and in the smallest arena if that is another network in C."""
    ways = {"whole": compile_model(model)}
    smallest = compile_model(model, arena_limit=0)
    if smallest.files["model.c"] != ways["whole"].files["model.c"]:
        ways["bands"] = smallest
    return ways


def add_texts(figures: Figures, way: str, files: Mapping[str, str]) -> None:
    """Adds the SHA-256 of each generated file."""
    text = figures["text"]
    for kind in text:
        text[kind][way] = {}
    for name, content in sorted(files.items()):
        kind = "network" if is_of_network(name) else "kernels" if is_kernel(name) else "around"
        text[kind][way][name] = sha(content)


def simulate(job: Job, figures: Figures, ways: Iterable[str]) -> None:
    """Adds the cycles and sizes of the job's network on its simulated boards."""
    for board in job.simulated:
        for way in ways:
            words = ("--patches", {"whole": "off", "bands": "smallest"}[way], "--samples", str(min(job.samples, 2)))
            found, says = command(job, "measure", str(job.path), "--board", board, *words)
            layers = [[row["cycles"], row["core_cycles"], row["instructions"]] for row in found.get("per_layer", [])]
            figures["sizes"].setdefault(way, {})[board] = {key: found.get(key) for key in SIZES} | {"says": says}
            figures["cycles"].setdefault(way, {})[board] = {key: found.get(key) for key in CYCLES} | {"layers": layers}


def on_board(job: Job, figures: Figures) -> None:
    """Adds what `compile` writes and says for the board, for our C and for TFLM."""
    for runtime in ("c", "tflm"):
        with tempfile.TemporaryDirectory(prefix="guard-") as directory:
            out = Path(directory) / "out"
            words = ("--board", BOARD, "--runtime", runtime, "--out", str(out))
            found, says = command(job, "compile", str(job.path), *words)
            files = {p.relative_to(out).as_posix(): p.read_text("utf-8") for p in out.rglob("*") if p.is_file()}
        add_texts(figures, f"compile --runtime {runtime}", files)
        for key in ("model", "out", "files", "board"):
            found.pop(key, None)
        figures["predictions"][f"compile --runtime {runtime}"] = {**found, "says": says.replace(str(out), "OUT")}


def record_networks(jobs: Sequence[Job]) -> dict[str, Figures]:
    """Returns the figures of some networks, by name."""
    found: dict[str, Figures] = {}
    built: list[Built] = []
    for job in jobs:
        figures = found[job.name] = {}
        try:
            built += record_network(job, figures)
        except Exception as e:  # a fault of the package is a result here; what was recorded until then remains
            figures.setdefault("read", {})["outcome"] = f"failed: {type(e).__name__}"
    for name, way, hashed in host_outputs(built):
        found[name]["outputs"][way] = hashed
    return found


def record_network(job: Job, figures: Figures) -> list[Built]:
    """Adds the figures of one network to `figures`; returns what is to be built for the outputs of its C."""
    figures["file"] = sha(job.path.read_bytes())
    model, figures["read"] = model_of(job)
    inspected, says = command(job, "inspect", str(job.path), "--board", BOARD)
    inspected.pop("model", None)
    figures["inspect"] = {**inspected, "says": says}
    if model is None:
        return []
    x = seeded_inputs(model, job.samples, 0)
    figures |= {"written": sha(write(model)), "inputs": array_sha(x), "predictions": {}, "sizes": {}, "cycles": {}}
    figures["outputs"] = {"reference": array_sha(run_reference(model, x))}
    figures["text"] = {"network": {}, "around": {}, "kernels": {}}
    try:
        ways = compiled_ways(model)
    except MicronetsError as e:
        figures["predictions"]["whole"] = {"says": str(e)}
        return []
    for way, compiled in ways.items():
        add_texts(figures, way, compiled.files)
        sizes = {"arena_bytes": compiled.arena_bytes, "constant_bytes": compiled.constant_bytes}
        figures["predictions"][way] = sizes
    on_board(job, figures)
    simulate(job, figures, ways)
    return [Built(job.name, way, compiled, x) for way, compiled in ways.items()]


def host_outputs(built: Sequence[Built]) -> Iterator[tuple[str, str, str]]:
    """Returns (network, way, SHA-256 of the outputs) of each network as C, from one library; singly if that fails."""
    if not built:
        return
    try:
        library = build_library([one.compiled for one in built])
    except MicronetsError as e:
        if len(built) == 1:
            yield built[0].network, built[0].way, f"not built: {e}"
        else:
            for one in built:
                yield from host_outputs([one])
        return
    for i, one in enumerate(built):
        try:
            yield one.network, one.way, array_sha(library.run(i, one.x))
        except MicronetsError as e:
            yield one.network, one.way, f"not run: {e}"


def record_run(name: str) -> Figures:
    """Returns the figures of a tiny training, `sound` or `images`, on one thread."""
    with tempfile.TemporaryDirectory(prefix="guard-") as directory:
        root = Path(directory)
        config, text = root / "config.toml", SOUND if name == "sound" else IMAGES
        if name == "sound":
            tones(root / "words")
        config.write_text(text.format(out=root / "run", data=root / "words"), "utf-8")
        process = start("run", config)
        _, err = process.communicate()
        model, arch, report = (root / "run" / path for path in ("model.tflite", "search/arch.json", "report.json"))
        figures: Figures = {"exit_code": process.returncode}
        if not model.is_file():
            print(f"the training on {name} ends with {process.returncode}:\n{err[-2000:]}", file=sys.stderr)
            return {"trained": figures}
        figures |= {"model.tflite": sha(model.read_bytes()), "arch.json": sha(arch.read_bytes())}
        figures["scores"] = {row["name"]: row["value"] for row in json.loads(report.read_text("utf-8"))["scores"]}
        return {"trained": figures}


def random_network(seed: int) -> bytes:
    """Returns the file of a random network: most are small ones with rare cases, some of realistic size."""
    arch = random_realistic_arch(seed) if seed % REALISTIC_EVERY == REALISTIC_EVERY - 1 else random_arch(seed)
    return write(random_model(arch, seed))


def jobs_of(part: str, source: Source, directory: Path) -> list[Job]:
    """Returns the networks of a part; those of `random` lie in `directory` afterwards."""
    if part == "zoo":
        named = [(path.parent.name, path) for path in sorted(Path("zoo").glob("*/model.tflite"))]
    elif part == "models":
        root = source.shared / "models"
        named = [(path.relative_to(root).as_posix(), path) for path in sorted(root.rglob("*.tflite"))]
    else:
        directory.mkdir(parents=True, exist_ok=True)
        named = [(f"random {seed:03}", directory / f"random{seed:03}.tflite") for seed in range(source.count)]
        for seed, (_, path) in enumerate(named):
            if not path.exists():
                path.write_bytes(random_network(seed))
    if not named:
        raise SystemExit(f"guard: no models for the part '{part}'; run from the repository, and see --shared")
    boards = (BOARD, LARGER_BOARD) if part == "zoo" and not source.quick else (BOARD,)
    samples = 1 if source.quick else SAMPLES
    simulated = QUICK_SIMULATED if source.quick else [name for name, _ in named]
    jobs = [Job(name, path, samples, boards if name in simulated else ()) for name, path in named]
    # The largest come first, so that both processes end at about the same time.
    return sorted(jobs, key=lambda job: -job.path.stat().st_size)


def record_part(part: str, source: Source, networks: Path) -> dict[str, Figures]:
    """Returns the figures of all networks or trainings of a part by name."""
    began = time.monotonic()
    found: dict[str, Figures] = {}

    def progress(of: int, what: str) -> None:
        print(f"{part}: {len(found)} of {of} after {time.monotonic() - began:.0f} s: {what}", flush=True)

    if part == "runs":
        trainings = ("sound", "images")
        for name, figures in zip(trainings, results(record_run, trainings, source.processes), strict=False):
            found[name] = figures
            progress(len(trainings), name)
        return found
    jobs = jobs_of(part, source, networks)
    batches = [jobs[i : i + BATCH[part]] for i in range(0, len(jobs), BATCH[part])]
    for batch in results(record_networks, batches, source.processes):
        found |= batch
        progress(len(jobs), ", ".join(batch))
    return found


def results(function: Callable[[T], R], values: Sequence[T], processes: int) -> Iterator[R]:
    """Yields `function` of each value, in their order, from so many processes; 1 stands for this one."""
    if processes == 1:
        yield from map(function, values)
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # for those processes: there are as many as there are to be
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(function, values)


def environment() -> dict[str, str]:
    """Returns the versions of all that figures depend on besides the package."""
    found = {"python": sys.version.split()[0]}
    for name in ("numpy", "torch", "unicorn", "ziglang"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    compilers = {"compiler of this machine": ("cc", "--version")}
    compilers["compiler of the board"] = ("arm-none-eabi-gcc", "--version")
    for name, words in compilers.items():
        with suppress(OSError):
            lines = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
            found[name] = lines[0] if lines else ""
    return found


def record(out: Path, parts: Sequence[str], source: Source, networks: Path | None, add: bool) -> None:
    """Records these parts to the file `out`, which is whole after each part.

    networks: where the random networks are kept, or None. add: keep the other parts that `out` holds.
    """
    settings = {"quick": source.quick, "random": source.count}
    whole: Figures = {"settings": settings, "environment": environment(), "parts": {}}
    if add and out.exists():
        before = load(out)
        if before["settings"] != settings:
            raise SystemExit(f"guard: {out} was recorded with {before['settings']}, not {settings}; leave --add out")
        whole["parts"] = before["parts"]
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="guard-") as directory:
            whole["parts"][part] = record_part(part, source, networks or Path(directory))
        fresh = out.with_name(f"{out.name}.part")
        fresh.write_text(json.dumps(whole, indent=0, sort_keys=True) + "\n", "utf-8")
        fresh.replace(out)


def load(path: Path) -> Figures:
    """Returns a record. Ends the program with one line for a file that is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise SystemExit(f"guard: {path}: cannot read this record ({e})") from e
    if not isinstance(found, dict) or not {"settings", "environment", "parts"} <= found.keys():
        raise SystemExit(
            f"guard: {path}: not a record of this program; make one with: python -m benchmarks.guard record {path}"
        )
    return found


def leaves(figures: Any, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yields each figure of nested dictionaries and lists, with its path, such as `cycles/whole/layers/3/0`."""
    nested = figures.items() if isinstance(figures, dict) else enumerate(figures) if isinstance(figures, list) else None
    if nested is None:
        yield path, figures
        return
    for key, value in nested:
        yield from leaves(value, f"{path}/{key}" if path else str(key))


def kind_of(path: str) -> str:
    """Returns the kind of the figure at that path: its first word, and of texts the second too."""
    words = path.split("/")
    return "/".join(words[: 2 if words[0] == "text" else 1])


def is_below(path: str, places: Iterable[str]) -> bool:
    """Returns whether one of `places` is the path or its beginning, in whole words."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def flat(record: Figures, parts: Iterable[str], count: int) -> dict[tuple[str, str], Leaf]:
    """Returns a record's figures by network and path, of these parts and the first `count` random networks."""
    return {
        (f"{part}: {name}", path): value
        for part in parts
        for name, figures in record["parts"][part].items()
        if part != "random" or int(name.split()[1]) < count
        for path, value in leaves(figures)
    }


def renaming(words: Iterable[str]) -> dict[str, str]:
    """Returns new paths by old ones, from words such as `inspect/old=inspect/new`; other words end the program."""
    found = {}
    for word in words:
        old, equals, new = word.partition("=")
        if not (old and equals and new):
            raise SystemExit(f"guard: --renamed {word}: need OLD=NEW, such as inspect/old_bytes=inspect/new_bytes")
        found[old] = new
    return found


def renamed(path: str, names: Mapping[str, str]) -> str:
    """Returns the path with its beginning replaced where `names` has a new one for it."""
    for old, new in names.items():
        if is_below(path, [old]):
            return new + path.removeprefix(old)
    return path


def compare(
    before: Figures,
    after: Figures,
    allowed: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
) -> Comparison:
    """Returns the comparison of two records.

    - allowed: the kinds, or beginnings of paths, that may differ.
    - names: the new paths of figures of `before`, by their old ones.
    """
    if before["settings"]["quick"] != after["settings"]["quick"]:
        raise SystemExit("guard: one of the records is quick and the other is not; record both in the same way")
    result = Comparison()
    for name in sorted({*before["environment"], *after["environment"]}):
        versions = [record["environment"].get(name, "none") for record in (before, after)]
        if versions[0] != versions[1]:
            result.notes.append(f"{name}: {versions[0]} before, {versions[1]} after; figures may differ for that")
    parts = [part for part in PARTS if part in before["parts"] and part in after["parts"]]
    for part in PARTS:
        if (part in before["parts"]) != (part in after["parts"]):
            result.notes.append(f"the part '{part}' is in one record only and is not compared")
    count = min(record["settings"]["random"] for record in (before, after))
    if not parts:
        raise SystemExit("guard: the records have no part in common")
    old, new = flat(before, parts, count), flat(after, parts, count)
    old = {(network, renamed(path, names or {})): value for (network, path), value in old.items()}
    for part in parts:
        networks = {network for network, _ in old if network.startswith(f"{part}: ")}
        reading = sum(old.get((network, "read/outcome")) == "reads" for network in networks)
        result.recorded.append(f"{part}: {len(networks)}" + ("" if part == "runs" else f" ({reading} read)"))
    kinds: dict[str, list[tuple[str, str]]] = {}
    for key in sorted({*old, *new}):
        kinds.setdefault(kind_of(key[1]), []).append(key)
    for kind, keys in sorted(kinds.items()):
        differ = [key for key in keys if key not in old or key not in new or old[key] != new[key]]
        lost, came = sum(key not in new for key in differ), sum(key not in old for key in differ)
        fine = all(is_below(path, allowed) for _, path in differ)
        result.rows.append(Row(kind, len(keys) - len(differ), len(differ) - lost - came, lost, came, fine))
        for key in differ:
            values = [str(side[key]) if key in side else None for side in (old, new)]
            result.differences.append(Difference(*key, *values))
    for path in sorted({path for _, path in old if summable(path)}):
        totals = [sum(int(v) for (_, p), v in side.items() if p == path and isinstance(v, int)) for side in (old, new)]
        result.sums.append((path, totals[0], totals[1]))
    return result


def summable(path: str) -> bool:
    """Returns whether the sum of that figure over all networks tells something: bytes and cycles in total."""
    words = path.split("/")
    return words[0] in ("cycles", "sizes", "predictions") and words[-1] in SUMMED


def grouped(path: str) -> str:
    """Returns the path with a star for each number of a layer, so that differences of all layers are told together."""
    return "/".join("*" if word.isdigit() else word for word in path.split("/"))


def report(found: Comparison, allowed: Sequence[str]) -> str:
    """Returns the comparison as text: a table by kind, the sums, and what differs, with the first examples of each."""
    head = f"{'kind':16} {'equal':>9} {'changed':>9} {'lost':>9} {'new':>9}"
    lines = [*(f"note: {note}" for note in found.notes), ", ".join(found.recorded), "", head]
    for row in found.rows:
        verdict = "" if not row.differs else "  allowed" if row.allowed else "  DIFFERS"
        numbers = (row.equal, row.changed, row.only_before, row.only_after)
        lines.append(f"{row.kind:16} " + " ".join(f"{number:>9,}" for number in numbers) + verdict)
    lines += ["", f"{'sum over all networks':56} {'before':>16} {'after':>16}"]
    lines += [f"{path:56} {old:>16,} {new:>16,}" for path, old, new in found.sums]
    groups: dict[str, list[Difference]] = {}
    for difference in found.differences:
        groups.setdefault(grouped(difference.path), []).append(difference)
    if groups:
        lines += ["", "what differs:"]
    for path, members in sorted(groups.items(), key=lambda item: is_below(item[0], allowed)):
        where = len({member.network for member in members})
        fine = ", allowed" if is_below(path, allowed) else ""
        lines.append(f"{path}: {len(members):,} in {where:,} networks{fine}")
        lines += [f"    {m.network}: {shown(m.before)} -> {shown(m.after)}" for m in members[:SHOWN]]
    return "\n".join(lines)


def shown(value: str | None) -> str:
    """Returns a figure as text that fits a line; hashes keep their first digits."""
    if value is None:
        return "nothing"
    return f"{value[:12]}..." if len(value) == 64 and " " not in value else value[:200]


def main(words: Sequence[str] | None = None) -> int:
    """Runs the program as the docstring of this file says.

    Returns the exit code: 0 done and equal, 1 something differs that must not, 2 bad arguments.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="record what the package computes")
    recording.add_argument("out", type=Path, metavar="OUT.json")
    recording.add_argument("--shared", type=Path, default=Path("../shared"), help="the folder with models/")
    recording.add_argument("--part", action="append", choices=PARTS, help="only this part; may be given several times")
    recording.add_argument("--random", type=int, metavar="N", help=f"how many random networks ({RANDOM})")
    recording.add_argument("--networks", type=Path, metavar="DIR", help="keep the random networks there")
    recording.add_argument("--processes", type=int, choices=(1, 2), default=PROCESSES, help="at a time (2)")
    recording.add_argument("--quick", action="store_true", help="few networks in the simulator, no trainings")
    recording.add_argument("--add", action="store_true", help="keep the other parts of the file that is there")
    comparing = commands.add_parser("compare", help="compare two records")
    comparing.add_argument("before", type=Path, metavar="BEFORE.json")
    comparing.add_argument("after", type=Path, metavar="AFTER.json")
    comparing.add_argument("--allow", action="append", default=[], metavar="KIND", help="what may differ")
    comparing.add_argument("--renamed", action="append", default=[], metavar="OLD=NEW", help="a figure's new path")
    options = parser.parse_args(words)
    if options.command == "record":
        count = options.random or (QUICK_RANDOM if options.quick else RANDOM)
        parts = options.part or [part for part in PARTS if part != "runs" or not options.quick]
        source = Source(options.shared, count, options.quick, options.processes)
        record(options.out, parts, source, options.networks, options.add)
        return 0
    before, after = load(options.before), load(options.after)
    found = compare(before, after, options.allow, renaming(options.renamed))
    print(report(found, options.allow))
    print("\n" + ("something differs that must not" if found.failed else "nothing differs but what is allowed"))
    return int(found.failed)


if __name__ == "__main__":
    sys.exit(main())
