"""`SearchJob`: the arguments of a search, whatever its method."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from micronets.boards.board import Board, Budget, board_budget
from micronets.cost.costs import TFLM_COSTS, RuntimeCosts
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.search_result import Measure
from micronets.design.search_settings import SearchSettings
from micronets.ir.space import SearchSpace
from micronets.progress import Progress
from micronets.tasks import TaskData


@dataclass(frozen=True)
class SearchJob:
    """The arguments of a search, whatever its method.

    - `space`: the choices, and the network of every combination of their options.
    - `data`: the task; networks are trained on its training split and compared on its validation split.
    - `budget`: the limits, to which those of the board itself are added.
    - `board`: the board for which costs are computed.
    - `settings`: the section `[search]`, which names the method.
    - `seed`: seed of the initial weights and of all random draws.
    - `directory`: where checkpoints are written; a checkpoint in it is resumed.
    - `progress`: receives events that say what is in progress, and how far it is, about every two seconds.
    - `runtime`: the runtime that will execute the network, which decides its costs.
    - `measure`: measures the true costs of a network, by name of the limit. If a measurement is above its limit, a
      smaller network is chosen until none is; if all are below, a larger one. None: the computed costs are used.
    """

    space: SearchSpace
    data: TaskData
    budget: Budget
    board: Board
    settings: SearchSettings
    _: KW_ONLY
    seed: int
    directory: Path
    progress: Progress
    runtime: RuntimeCosts = TFLM_COSTS
    measure: Measure | None = None

    @property
    def limits(self) -> Budget:
        """The limits that apply: those of the budget and of the board."""
        return board_budget(self.budget, self.board)

    def fitter(self) -> BudgetFitter:
        """Returns the `BudgetFitter` of the space and the limits."""
        return BudgetFitter(self.space, self.limits, self.board, runtime=self.runtime)
