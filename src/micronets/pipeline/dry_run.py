"""A dry run: every stage of a run on a few examples and a few steps.

It finds every error and says what the run will cost. The figures are measured and then extrapolated: seconds per step
times the number of steps. On a GPU, batches have their configured size, since only they show whether memory suffices;
on a CPU they are small, and time and memory are scaled.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from micronets.design.search_settings import SearchSettings
from micronets.design.train_settings import TrainSettings
from micronets.errors import FileError, MicronetsError
from micronets.files import temporary_directory, write_atomic
from micronets.pipeline.config import INITS, Config, is_model
from micronets.pipeline.context import RunContext, opened
from micronets.pipeline.directory import CONFIG, RunDir, erase, locked
from micronets.pipeline.dry_run_sample import DataSample, sample
from micronets.pipeline.perform import STAGES, perform
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.evaluate import EVALUATE
from micronets.pipeline.stages.search import SEARCH, check_budget
from micronets.pipeline.stages.teacher import TEACHER
from micronets.pipeline.stages.train import TRAIN
from micronets.progress import Event, NoteEvent, Progress, StepEvent
from micronets.tasks import Score, TaskData
from micronets.terminal import duration, text_table

if TYPE_CHECKING:
    import torch

SUFFIX, RESULT = "-dry-run", "dry_run.json"
STEPS = 3  # per stage: the first one includes one-time costs, the second one is timed
FEW_EXAMPLES = 48  # of the validation split, and of the test split
SYNTHETIC = 96  # training examples to synthesise, at most
CPU_BATCH = 16
SPACE_SHARE = 8.0  # comparing four spaces by `STEPS` steps of one network each; for two spaces, twice as many

Labels = npt.NDArray[np.int64]


@dataclass
class FewExamples:
    """A few examples of a data set, as a `TaskData` that records the time of every training step.

    - `data`: the whole data set.
    - `batch`: batch size of the stage in progress; an epoch has `STEPS` batches.
    - `doing`: name of the activity that is being timed.
    - `calls`: for each activity, the times at which a batch was requested and at which it was ready.
    - `scored`: seconds from the request of the last batch until the network had processed the validation split.
    - `tested`: the times at which the test split was requested, and at which the last network had processed it.
    """

    data: TaskData
    batch: int = 1
    doing: str = ""
    calls: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    scored: dict[str, float] = field(default_factory=dict)
    tested: list[float] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    def rows(self, split: str) -> Labels:
        """Returns the indices of the examples of a split that are used."""
        n = self.data.size(split)
        return (
            np.arange(n)
            if split == "train"
            else np.unique(np.linspace(0, n - 1, min(n, FEW_EXAMPLES)).astype(np.int64))
        )

    def size(self, split: str) -> int:
        """Returns the number of examples of a split that are used."""
        return len(self.rows(split))

    def labels(self, split: str) -> Labels:
        """Returns the class indices of the examples of a split that are used."""
        return self.data.labels(split)[self.rows(split)]

    def epoch(self, rng: np.random.Generator) -> Labels:
        """Returns the indices of the training examples for an epoch of `STEPS` steps."""
        return np.resize(self.data.epoch(rng), STEPS * self.batch)

    def inputs(self, split: str, settings: Mapping[str, int], indices: Labels | None = None) -> npt.NDArray[np.float32]:
        """Returns network inputs `[N, H, W, C]` of the examples that are used, and records requests of the test split.

        - `split`: "train", "val" or "test".
        - `settings`: values of the data's `input_settings` by name.
        - `indices`: positions among the examples that are used, `[N]`; None: all of them.
        """
        rows = self.rows(split)
        if split == "test":
            self.tested = [time.monotonic()]
        return self.data.inputs(split, settings, rows if indices is None else rows[indices])

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Returns augmented network inputs `[B, H, W, C]` of training examples, and records how long that took.

        - `indices`: indices into the train split, `[B]`.
        - `settings`: values of the data's `input_settings` by name.
        - `generator`: draws the augmentation; the result is on its device.
        """
        begun = _now(generator.device)
        batch = self.data.augmented(indices, settings, generator)
        self.calls.setdefault(self.doing, []).append((begun, _now(generator.device)))
        return batch

    def evaluate(self, outputs: npt.NDArray[np.floating[Any]], split: str) -> Score:
        """Returns the score of the split if all unused examples have outputs of 0.

        The score means nothing, but the time that it takes to compute is recorded.
        """
        if split == "val" and self.calls.get(self.doing):
            self.scored[self.doing] = time.monotonic() - self.calls[self.doing][-1][0]
        if split == "test":
            self.tested.append(time.monotonic())
        whole = np.zeros((self.data.size(split), outputs.shape[1]), outputs.dtype)
        whole[self.rows(split)] = outputs
        return self.data.evaluate(whole, split)


@dataclass(frozen=True)
class StageCost:
    """The time and memory of a stage in the whole run.

    - `stage`: its name.
    - `steps`: number of training steps; 0 if there are none.
    - `step_seconds`: measured seconds per step.
    - `loader`: the share of `step_seconds` that passes until the batch is ready.
    - `seconds`: seconds of the stage's steps and of its validation, without one-time costs.
    - `memory_bytes`: peak memory of the GPU if it trains, otherwise of the process.
    - `scaled`: whether time and memory were measured with a smaller batch or fewer examples, and scaled.
    """

    stage: str
    steps: int
    step_seconds: float
    loader: float
    seconds: float
    memory_bytes: int
    scaled: bool


@dataclass(frozen=True)
class DryRun:
    """The outcome of a dry run.

    - `out`: its directory.
    - `data`: a line that describes the data.
    - `device`: the processor or GPU that trained.
    - `costs`: time and memory of each stage of the whole run.
    - `taken`: seconds that the dry run itself took.
    """

    out: str
    data: str
    device: str
    costs: tuple[StageCost, ...]
    taken: float

    @property
    def seconds(self) -> float:
        """Seconds that the whole run will take."""
        return sum(c.seconds for c in self.costs)


def dry_run(config: Config, progress: Progress, command: str = "") -> DryRun:
    """Runs every stage in the directory `OUT-dry-run`, which is created afresh.

    - `config`: the configuration of the run; `OUT` is its `out`.
    - `progress`: receives events that say what is in progress.
    - `command`: the command line that started it.

    Raises what the run itself would raise, and `FileError` if that directory holds anything but a dry run.
    """
    started, out = time.monotonic(), Path(config.out.rstrip("/") + SUFFIX)
    _clear(out)
    device = _device(config.search.device)
    with temporary_directory() as scratch:
        given = config.data
        config, samples = _sampled(replace(config, out=str(out)), scratch, progress)
        small = shrunk(config, device)
        holder: list[FewExamples] = []

        def adapt(data: TaskData) -> TaskData:
            holder.append(FewExamples(data))
            return holder[0]

        with (
            _with_users_paths(samples, given),
            opened(
                small,
                resume=False,
                progress=lambda event: _pass_event_on(event, holder, progress),
                command=command,
                event_files=False,
            ) as context,
        ):
            write_atomic(context.run / RESULT, "{}\n")
            context = replace(context, adapt=adapt)
            check_budget(context)
            scale = _scale(config, small, samples)
            costs = [
                _loading(context, scale),
                *(c for stage in STAGES for c in _stage(stage, context, config, scale, device)),
            ]
            outcome = DryRun(str(out), context.data.source, _name(device), tuple(costs), time.monotonic() - started)
            write_atomic(
                context.run / RESULT, json.dumps(asdict(outcome) | {"seconds": outcome.seconds}, indent=1) + "\n"
            )
    return outcome


def shrunk(config: Config, device: str) -> Config:
    """Returns the configuration of the dry run.

    It has one epoch of each kind, small batches on a CPU, and low learning rates: three steps are too few for a
    warm-up, and the dry run must not diverge where the run would not.
    """
    most = None if device == "cuda" else CPU_BATCH

    def short(train: TrainSettings) -> TrainSettings:
        batch = min(train.batch, most or train.batch)
        return replace(
            train, epochs=1, qat_epochs=min(train.qat_epochs, 1), batch=batch, lr=train.lr / 100, calibration_batches=1
        )

    teacher = config.teacher
    if teacher is not None and teacher.train is not None:
        teacher = replace(teacher, train=short(teacher.train))
    if teacher is not None and teacher.run and not RunDir(Path(teacher.run)).started:
        other = teacher.run.rstrip("/") + SUFFIX
        teacher = replace(teacher, run=other) if RunDir(Path(other)).started else teacher
    batch = min(config.search.batch, most or config.search.batch)
    search = replace(
        config.search,
        epochs=1,
        candidates=1,
        evaluations=1,
        final_share=0.0,  # the steps of finalists are timed like the others
        space_networks=1,
        space_share=SPACE_SHARE,
        supernet="",  # it was trained with other batches
        calibration_batches=1,
        warmup=0.0,
        batch=batch,
        lr=config.search.lr / 100,
    )
    fewer = {
        k: min(v, SYNTHETIC)
        for k, v in vars(config.data).items()
        if k.startswith("synthetic_") and not config.data.path
    }
    data: Any = config.data
    kept = config.init in INITS or is_model(config.init)
    init = config.init if kept else INITS[0]  # a training takes the same time whatever its initial weights
    return replace(
        config, init=init, search=search, train=short(config.train), teacher=teacher, data=replace(data, **fewer)
    )


def table(outcome: DryRun) -> str:
    """Returns the outcome as a table for a terminal."""
    rows = [
        (
            c.stage,
            f"{c.steps:,}" if c.steps else "-",
            f"{c.step_seconds:.3g}" if c.steps else "-",
            f"{c.loader:.0%}" if c.steps else "-",
            duration(c.seconds),
            f"{c.memory_bytes / 1e9:.2f} GB",
        )
        for c in outcome.costs
    ]
    head = ("stage", "steps", "s a step", "loader", "in full", "memory")
    text = text_table(head, [*rows, ("all", "", "", "", duration(outcome.seconds), "")], numeric=(1, 2, 3, 4, 5))
    scaled = f", scaled from batches of {CPU_BATCH}" if any(c.scaled and c.steps for c in outcome.costs) else ""
    return (
        f"{text}\n\nEstimated for {outcome.device}{scaled}; every stage passed in {duration(outcome.taken)}. "
        f"The scores of a dry run mean nothing. {outcome.out}"
    )


def _sampled(config: Config, scratch: Path, progress: Progress) -> tuple[Config, dict[str, DataSample]]:
    """Returns the configuration with its data directories replaced by samples, and the samples by option."""
    samples = {}
    for option in ("path", "test"):
        given = getattr(config.data, option, "")
        if given and Path(given).exists():
            samples[option] = s = sample(Path(given), scratch / option)
            if s.files < s.of:
                progress(NoteEvent("data", f"{given}: {s.files:,} of {s.of:,} files are used"))
    data: Any = config.data
    return replace(config, data=replace(data, **{option: str(s.path) for option, s in samples.items()})), samples


@contextmanager
def _with_users_paths(samples: Mapping[str, DataSample], given: Any) -> Iterator[None]:
    """In errors that the block raises, replaces the paths of links by the paths of the user's files."""
    try:
        yield
    except MicronetsError as e:
        text = str(e)
        for option, s in samples.items():
            text = text.replace(str(s.path), getattr(given, option))
        raise type(e)(text) from e


def _scale(config: Config, small: Config, samples: Mapping[str, DataSample]) -> float:
    """Returns the ratio of the run's number of examples to the dry run's."""
    if config.data.path:
        s = samples.get("path")
        return s.of / s.files if s and s.files else 1.0
    ratios = [v / getattr(small.data, k) for k, v in vars(config.data).items() if k.startswith("synthetic_")]
    return max(ratios, default=1.0)


def _loading(context: RunContext, scale: float) -> StageCost:
    """Returns the time and memory of reading all of the data, which stay in memory."""
    with _memory("cpu") as peak:
        begun = time.monotonic()
        _ = context.data
        taken = time.monotonic() - begun
    return StageCost("data", 0, 0.0, 0.0, taken * scale, int(peak[1] + (peak[0] - peak[1]) * scale), scale != 1)


def _stage(stage: Stage, context: RunContext, config: Config, scale: float, device: str) -> Iterator[StageCost]:
    """Does one stage, and yields its costs in the whole run: two for a training, in float and quantised."""
    few: Any = context.data
    held = scale if config.data.path else 1.0  # the held-out splits of synthetic data are not scaled
    full, settings = config, context.config
    tries, batches = full.space.tries_several, (full.search.batch, settings.search.batch)
    plans: dict[Stage, list[tuple[str, float, int, int]]] = {  # name, epochs, batch of the run, batch of the dry run
        SEARCH: [
            *([("space", full.search.epochs * full.search.space_share, *batches)] if tries else []),
            ("search", _search_epochs(full.search), *batches),
        ],
        TRAIN: [
            ("train", full.train.epochs, full.train.batch, settings.train.batch),
            ("train quantised", full.train.qat_epochs, full.train.batch, settings.train.batch),
        ],
    }
    if is_model(full.init):
        plans[SEARCH] = []  # there is no search
    teacher, own = full.teacher, settings.teacher
    if teacher is not None and own is not None and teacher.train is not None and own.train is not None:
        plans[TEACHER] = [("teacher", teacher.train.epochs, teacher.train.batch, own.train.batch)]
    parts = plans.get(stage, [])
    few.batch, few.doing = (parts[0][3] if parts else 1), stage.name
    with _memory(device) as peak:
        begun = time.monotonic()
        perform(context, stage)
        taken = time.monotonic() - begun
    if not parts:
        if stage is EVALUATE:
            rest = int(held * few.data.size("test")) - few.size("test")
            peak[0] += 4 * rest * math.prod(few.input_shape(context.input_settings))  # all examples at once, as float32
            taken += (few.tested[-1] - few.tested[0]) * (held * few.data.size("test") / few.size("test") - 1)
        if stage is not TEACHER:
            yield StageCost(stage.name, 0, 0.0, 0.0, taken, peak[0], False)
        return
    examples = len(few.data.epoch(np.random.default_rng(0))) * scale
    for name, epochs, batch, now in parts:
        ratio = batch / now
        calls = few.calls.get(name, [])
        if name == "space" and not calls:
            continue  # the other spaces may have networks within the limits
        step = calls[-1][0] - calls[-2][0]
        steps = max(1, round(max(1, int(examples // batch)) * epochs))
        validation = max(0.0, few.scored.get(name, step) - step) * few.data.size("val") / few.size("val") * held
        loader = min(1.0, (calls[-2][1] - calls[-2][0]) / step)
        seconds = steps * step * ratio + (0 if name in ("search", "space") else epochs * validation)
        memory = peak[1] + (peak[0] - peak[1]) * ratio
        yield StageCost(name, steps, step * ratio, loader, seconds, int(memory), ratio != 1)


def _search_epochs(search: SearchSettings) -> int:
    """Returns the number of epochs of a search; every network that it trains alone gets at least one."""
    return max(search.epochs, search.candidates) if search.method in ("random", "uniform") else search.epochs


def _pass_event_on(event: Event, holder: list[FewExamples], progress: Progress) -> None:
    """Passes an event on; times the choice of a space, and the quantised training, as activities of their own.

    After its last step a search requests further batches, for batch-norm statistics. These do not count as steps.
    """
    if holder and event.stage in ("space", SEARCH.name) and holder[0].doing in ("space", SEARCH.name):
        holder[0].doing = event.stage
    if holder and isinstance(event, StepEvent) and event.step >= STEPS:
        if event.stage == SEARCH.name:
            holder[0].doing = "search, after its steps"
        elif event.stage == TRAIN.name:
            holder[0].doing = "train quantised"
    progress(event)


@contextmanager
def _memory(device: str) -> Iterator[list[int]]:
    """Yields two numbers, set after the block: peak bytes in use during it and bytes before it, of GPU or process."""
    found = [0, 0]
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        yield found
        found[:] = torch.cuda.max_memory_reserved(), 0
        return
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # on Linux this resets the peak
    found[1] = _status("VmRSS")
    yield found
    found[0] = max(_status("VmHWM"), found[1])


def _status(name: str) -> int:
    """Returns the figure `name` of this process in bytes; its peak on systems without /proc."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such module: the figure stays unknown
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _clear(out: Path) -> None:
    """Removes the files of an earlier dry run.

    Raises `FileError` for a real run, or if a dry run is in progress there.
    """
    run = RunDir(out)
    if (out / RESULT).is_file():
        with locked(run, beginning=(RESULT,)):
            erase(run, STAGES, RESULT)
    elif (out / CONFIG).is_file() and run.started:
        raise FileError(f"{out}: holds a run that is not a dry run; move it away, or name another directory with --out")


def _device(name: str) -> str:
    from micronets.design.torch_ops import pick_device

    return pick_device(name).type


def _name(device: str) -> str:
    if device != "cuda":
        return "this CPU"
    import torch

    return str(torch.cuda.get_device_name())


def _now(device: torch.device) -> float:
    """Waits until a device has finished its work, and returns the time."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)
    return time.monotonic()
