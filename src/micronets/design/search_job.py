"""`SearchJob`: all that a search is asked for, whatever its method."""

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
    """All that a search is asked for, whatever its method.

    - `space`: the choices, and the network that every combination of their options is.
    - `data`: the task; networks are trained on its training split and compared on its validation split.
    - `budget`: the limits, to which those of the board itself are added.
    - `board`: what the costs are computed for.
    - `settings`: the section [search], which names the method.
    - `seed`: of the initial weights and of everything that is drawn.
    - `directory`: where checkpoints are written; a checkpoint found there is continued.
    - `progress`: receives events that say what is in progress, and how far it is, about every two seconds.
    - `runtime`: what will execute the network, which decides its costs.
    - `measure`: measures what a network really costs, by name of the limit. Where a measurement is above its limit, a
      smaller network is chosen until none is; where all are below, a larger one. None: the computed costs are taken.
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
        """The limits that hold: those of the budget and of the board itself."""
        return board_budget(self.budget, self.board)

    def fitter(self) -> BudgetFitter:
        """Returns what finds networks of the space within the limits."""
        return BudgetFitter(self.space, self.limits, self.board, runtime=self.runtime)
