"""`SpaceTrials`: how one search space was chosen among several, as `search/spaces.json` and the report hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SpaceTrial:
    """A network that stood for its space in a round, and how it did.

    - `round`: the number of the round, from 1.
    - `space`: the name of the space.
    - `values`: the option of every choice of the space.
    - `costs`: the exact costs of the network by name of the limit, in the limit's unit.
    - `macs`: its multiply-accumulates.
    - `examples`: training examples that it has seen in this round.
    - `score`: the task's metric on the validation split after the round, 0 to 1.
    """

    round: int
    space: str
    values: Mapping[str, int]
    costs: Mapping[str, float]
    macs: int
    examples: int
    score: float


@dataclass(frozen=True)
class SpaceTrials:
    """The rounds in which spaces were compared, and what came out.

    - `chosen`: the name of the space that is searched.
    - `trials`: the networks in the order in which they were trained; none where a single space kept the limits.
    - `left_out`: the spaces that took no part, by name, with the reason.
    """

    chosen: str
    trials: tuple[SpaceTrial, ...]
    left_out: Mapping[str, str]

    def rounds(self) -> tuple[tuple[SpaceTrial, ...], ...]:
        """Returns the best network of each space, the best space first, for every round in turn."""
        found = []
        for number in range(1, max((t.round for t in self.trials), default=0) + 1):
            best: dict[str, SpaceTrial] = {}
            for trial in (t for t in self.trials if t.round == number):
                if trial.space not in best or trial.score > best[trial.space].score:
                    best[trial.space] = trial
            found.append(tuple(sorted(best.values(), key=lambda trial: -trial.score)))
        return tuple(found)

    def text(self) -> str:
        """Returns one line that says what was chosen, and what each space did in the last round in which it was."""
        last = {trial.space: trial for part in self.rounds() for trial in part}
        seen = [f"{name} {100 * t.score:.2f} % in round {t.round}" for name, t in last.items()]
        seen += [f"{name} left out" for name in self.left_out]
        return f"space {self.chosen} is searched" + (f"; validation: {', '.join(seen)}" if seen else "")
