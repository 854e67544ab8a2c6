"""`Progress`: reports of long-running work to the command line or another caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from micronets.terminal import duration


@dataclass(frozen=True)
class NoteEvent:
    """A sentence on the work in progress.

    - `stage`: names the work.
    - `note`: the sentence.
    """

    stage: str
    note: str
    kind: Literal["note"] = "note"

    def __str__(self) -> str:
        return f"{self.stage:<8}  {self.note}"


@dataclass(frozen=True)
class StepEvent:
    """A report that steps of the work in progress are done.

    - `stage`: names the work.
    - `step`, `steps`: the number of completed steps, and of all steps.
    - `seconds_left`: the remaining time; None if unknown.
    - `figures`: figures by name, such as `loss`.
    """

    stage: str
    step: int
    steps: int
    seconds_left: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    kind: Literal["step"] = "step"

    def __str__(self) -> str:
        """Returns one line: `search     step 40/400   10%  loss 0.532  left 3:20`."""
        share = self.step / self.steps
        shown = [f"{self.stage:<8}  step {self.step:>{len(str(self.steps))}}/{self.steps}  {share:>4.0%}"]
        for name, value in self.figures.items():
            shown.append(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
        if self.seconds_left is not None:
            shown.append(f"left {duration(self.seconds_left)}")
        return "  ".join(shown)


Event = NoteEvent | StepEvent
"""A report of progress, which prints as one line."""

Progress = Callable[[Event], None]
"""A function that is called with every event."""
