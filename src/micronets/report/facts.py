"""`Verdict` and `Facts`: the facts about a finished run, as in `evaluate.json` and `report.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from micronets import records
from micronets.boards.battery import DutyCycle
from micronets.boards.board import Board
from micronets.cost.layer_table import LayerInspection
from micronets.errors import CheckFailed
from micronets.history import SearchRecord, TrainEpoch
from micronets.ir.space_trials import SpaceTrials
from micronets.records import JsonObject
from micronets.runtimes.measurement import Comparison, Measurement


@dataclass(frozen=True)
class ScoreRow:
    """The score of one form of the network on the test split: `value` by the task's metric, and others by name."""

    name: str
    value: float
    source: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class LimitRow:
    """A limit of the budget, and the best figure for it.

    - `name`, `label`, `unit`: see `boards.board.Limit`.
    - `value`, `predicted`: the figure, and the estimated cost; both in the limit's unit.
    - `met`: whether the value is within the limit.
    - `source`, `note`: how the figure was found.
    """

    name: str
    label: str
    unit: str
    limit: float
    value: float
    predicted: float
    met: bool
    source: str
    note: str


@dataclass(frozen=True)
class ArenaCheck:
    """TFLM's arena on a 64-bit host, in bytes: predicted, and the smallest in which it runs; None if not run."""

    predicted: int
    found: int | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The scores of the exported model on the test split, and its figures beside the limits.

    - `metric`, `noun`: the task's metric, and the word for examples, in the plural.
    - `scores`: a row for each form of the network; the last is the one that counts.
    - `interval`: 95 % interval of the last score, if there is one.
    - `judged`, `judged_noun`: the number of scored items, and the word for them.
    - `bit_exact`: whether TFLM's outputs equal our reference's; None if TFLM was not run.
    - `arena`: TFLM's arena, predicted and found.
    - `runtime`: the runtime to which the limits on the board apply.
    - `c`: the measurement of our C on the simulated board; None if it could not be measured.
    - `limits`: a row for each limit.
    - `confusion`: examples by true class (row) and predicted one, if there are classes.
    - `balanced`: the balanced accuracy of the last score, 0 to 1, if the classes are unequal; otherwise None.
    - `worse_than_guessing`: whether the last score is below that of a network that guesses.
    - `remarks`: remarks without which the last score would mislead (`tasks.scoring.remarks`).
    """

    metric: str
    noun: str
    scores: tuple[ScoreRow, ...]
    interval: tuple[float, ...] | None
    judged: int
    judged_noun: str
    bit_exact: Comparison | None
    arena: ArenaCheck
    runtime: str
    c: Measurement | None
    limits: tuple[LimitRow, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    balanced: float | None = None
    worse_than_guessing: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Returns whether every check passed."""
        return self.failure() is None

    def failure(self) -> str | None:
        """Returns one line that says which checks failed, or None."""
        wrong = [f"{r.name} = {r.value:,.6g} is over the limit of {r.limit:,.6g}" for r in self.limits if not r.met]
        exact = self.bit_exact
        if exact is not None and exact.different:
            wrong.append(
                f"{exact.different} of {exact.compared} output bytes differ under TFLM, first at {exact.first}"
            )
        if self.c is not None and not self.c.bit_exact:
            wrong.append(
                "the C computes other bytes than the reference on the simulated board; please report the model"
            )
        return "; ".join(wrong) or None

    def check(self) -> None:
        """Raises `CheckFailed` with the failed checks, if there are any."""
        message = self.failure()
        if message is not None:
            raise CheckFailed(message)

    def to_json(self) -> JsonObject:
        """Returns the record as JSON for its file."""
        table: JsonObject = {"ok": self.ok, **records.to_json(self)}
        if self.c is not None:
            table["c"] = {name: value for name, value in self.c.to_json().items() if name != "model"}
        return table


@dataclass(frozen=True)
class ChoiceRow:
    """A choice of the space: its value and options; `idle` if it has no effect, because its block is left out."""

    name: str
    kind: str
    value: int
    options: tuple[int, ...]
    idle: bool


@dataclass(frozen=True)
class SizeRow:
    """A size of the chosen network, and of the largest of its space."""

    label: str
    unit: str
    value: float
    largest: float


@dataclass(frozen=True)
class PlannedBuffer:
    """A buffer of TFLM's arena: offset and bytes, alive from layer `first` to layer `last`, counted from 0."""

    name: str
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class PlanFacts:
    """TFLM's plan: bytes of its buffers, bytes of the arena around them on a 64-bit host, and the buffers."""

    bytes: int
    arena_bytes: int
    buffers: tuple[PlannedBuffer, ...]


@dataclass(frozen=True)
class SearchFacts:
    """The course of a search, and its limits.

    - `history`: the search's records; empty if there was no search.
    - `limits`: the limits of the budget and of the board, by name and in their units.
    """

    history: tuple[SearchRecord, ...]
    limits: Mapping[str, float]


@dataclass(frozen=True)
class TrainFacts:
    """The course of a training, epoch by epoch."""

    history: tuple[TrainEpoch, ...]


@dataclass(frozen=True, kw_only=True)
class Facts(Verdict):
    """All facts about a finished run: its verdict, and what it was made from.

    - `source`, `synthetic`, `notes`, `classes`: what the data are, see `TaskData`.
    - `samples`: number of examples by split.
    - `costs`: the network's costs under TFLM, by name of the limit.
    - `battery`: our C at one inference a second, if it was measured.
    - `commands`: how to make the run again, and how to check its model by hand.
    - `versions`: versions of everything that affects the numbers, by name.
    - `seconds`: seconds that each stage took.
    - `config`: the configuration as TOML.
    - `trials`: how the space was chosen; None if the configuration names it.
    - `choices`: the value of every choice of the space.
    - `against_largest`: sizes of the network, beside those of the largest of its space.
    - `layers`: a row for each layer.
    - `plan`: TFLM's memory plan.
    """

    task: str
    board: Board
    source: str
    synthetic: bool
    notes: tuple[str, ...]
    classes: tuple[str, ...]
    samples: Mapping[str, int]
    seed: int
    date: str
    costs: Mapping[str, float]
    battery: DutyCycle | None
    commands: tuple[str, ...]
    versions: Mapping[str, str]
    seconds: Mapping[str, float]
    config: str
    search: SearchFacts
    train: TrainFacts
    space: str
    trials: SpaceTrials | None = None
    choices: tuple[ChoiceRow, ...]
    against_largest: tuple[SizeRow, ...]
    layers: tuple[LayerInspection, ...]
    plan: PlanFacts
