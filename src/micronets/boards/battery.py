"""Average power and battery life of a board that runs one network at a steady rate and sleeps in between.

duty = rate x latency; average power = run power x duty + sleep power x (1 - duty); life = charge x voltage / average
power. docs/measure.md says what this leaves out.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from micronets.boards.board import Board
from micronets.errors import SpecError

CR2032 = "225mAh@3V"  # the coin cell of reports
_ROUNDING = 1e-9  # how far rounding may make a duty exceed 1
_SCALES = {"mAh": 1e-3, "Ah": 1.0}


@dataclass(frozen=True)
class Battery:
    """A battery.

    - `ah`: its charge in ampere hours, above 0.
    - `volts`: its voltage, assumed constant until it is empty, above 0.
    """

    ah: float
    volts: float

    @property
    def joules(self) -> float:
        """The energy of the full battery, in joules."""
        return self.ah * self.volts * 3600

    def __str__(self) -> str:
        return f"{1e3 * self.ah:g}mAh@{self.volts:g}V"


@dataclass(frozen=True)
class DutyCycle:
    """A board that runs a network at a steady rate and sleeps in between.

    - `rate`: inferences a second.
    - `duty`: the share of time in which it runs, 0 to 1.
    - `run_power_w`: its power while it runs, in watts.
    - `sleep_power_w`: its power while it sleeps, in watts; None if unknown. It then counts as 0, so that `average_w` is
      a lower bound and `life_hours` an upper bound.
    - `average_w`: its average power, in watts.
    - `battery`: the battery, as from `parse_battery`.
    - `life_hours`: how long the full battery lasts, in hours.
    """

    rate: float
    duty: float
    run_power_w: float
    sleep_power_w: float | None
    average_w: float
    battery: str
    life_hours: float


def parse_battery(text: str) -> Battery:
    """Reads a battery written as charge and voltage, such as `225mAh@3V` or `2.4Ah@1.5V`. Raises `SpecError`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(mAh|Ah)\s*@\s*(\d+(?:\.\d+)?)\s*V\s*", text)
    if not match or not float(match[1]) or not float(match[3]):
        raise SpecError(
            f"battery: '{text}' is not one; write charge and voltage, both above 0, such as {CR2032} or 2.4Ah@1.5V"
        )
    return Battery(float(match[1]) * _SCALES[match[2]], float(match[3]))


def check_rate(rate: float) -> float:
    """Returns `rate`, in inferences a second, if it is a finite number above 0; otherwise raises `SpecError`."""
    if not (math.isfinite(rate) and rate > 0):
        raise SpecError(
            f"rate = {rate:g} inferences a second; need a number above 0, such as 1, or 0.1 for one in ten seconds"
        )
    return rate


def duty_cycle(latency_ms: float, board: Board, rate: float, battery: Battery) -> DutyCycle:
    """Computes power and battery life at a steady rate.

    - `latency_ms`: the time of one inference on the board, in milliseconds.
    - `board`: gives the power while running and while asleep.
    - `rate`: inferences a second.
    - `battery`: the battery of the board.

    Raises `SpecError` for a rate that is not above 0 or that the board cannot keep, and for a board of unknown power.
    """
    if board.active_power_w is None:
        raise SpecError(
            f"rate = {rate:g}: the power of {board.name} is not known: give active_power_w and its source in its file"
        )
    duty = check_rate(rate) * latency_ms / 1e3
    if duty > 1 + _ROUNDING:
        raise SpecError(
            f"rate = {rate:g} inferences a second: {board.name} takes {latency_ms:,.4g} ms for one, so at most "
            f"{1e3 / latency_ms:.3g} a second; use a lower rate or a faster network"
        )
    duty = min(duty, 1.0)
    average = board.active_power_w * duty + (board.sleep_power_w or 0.0) * (1 - duty)
    life = battery.joules / average / 3600
    return DutyCycle(rate, duty, board.active_power_w, board.sleep_power_w, average, str(battery), life)


def duty_rows(cycle: DutyCycle) -> list[tuple[str, str, str]]:
    """Returns a duty cycle as rows of a table: quantity, value, origin."""
    known = cycle.sleep_power_w is not None
    asleep = (
        f"else {watts(cycle.sleep_power_w)} asleep"
        if cycle.sleep_power_w is not None
        else "the rest asleep, at a power that is not known: 0 here"
    )
    running = f"{cycle.rate:.3g} a second: {cycle.duty:.2%} of the time at {watts(cycle.run_power_w)}, {asleep}"
    return [
        ("average power", f"{'' if known else 'over '}{watts(cycle.average_w)}", running),
        (
            "battery life",
            f"{'' if known else 'under '}{life_text(cycle.life_hours)}",
            f"on {cycle.battery}, all of it used",
        ),
    ]


def watts(value: float) -> str:
    """Returns the text of a power in watts with a suitable unit, as in `163 mW` or `8.4 uW`."""
    for unit, scale in (("W", 1.0), ("mW", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} uW"


def life_text(hours: float) -> str:
    """Returns the text of a time in hours with a suitable unit, as in `5.2 hours`, `12 days` or `1.4 years`."""
    for unit, size in (("years", 8766.0), ("days", 24.0)):
        if hours >= size:
            return f"{hours / size:.3g} {unit}"
    return f"{hours:.3g} hours"
