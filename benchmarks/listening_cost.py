"""What a model that listens costs a board in a second of sound and in a day; for the tables of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.boards.battery import CR2032, duty_cycle, parse_battery, watts
from micronets.boards.board import Board
from micronets.commands.measure import measure
from micronets.tflite import ModelSource

_DAY_S = 24 * 3600


@dataclass(frozen=True)
class ListeningCost:
    """The costs of a model on the simulated board, every output byte and every code of its front end compared.

    - front_end_cycles, network_cycles: cycles of a second of sound.
    - output_cycles: cycles of an output of the network.
    - outputs: outputs of the network in a second.
    - sram_bytes, flash_bytes: those of front end and network together.
    - share: the part of the time in which the board computes, 0 to 1.
    - joules_a_day: the energy of a day; for the rest of the time the board sleeps, see `asleep_text`.
    """

    front_end_cycles: float
    network_cycles: float
    output_cycles: int
    outputs: float
    sram_bytes: int
    flash_bytes: int
    share: float
    joules_a_day: float

    @property
    def cycles(self) -> float:
        """Cycles of a second of sound."""
        return self.front_end_cycles + self.network_cycles


def asleep_text(board: Board) -> str:
    """Returns sentences about the power that a board has in `joules_a_day` while it computes nothing."""
    if board.sleep_power_w is None:
        return "For the rest of the time it is asleep, at a power that is not known and counts as 0."
    return (
        f"For the rest of the time it is asleep at {watts(board.sleep_power_w)} "
        f"({board.sources['sleep_power_w']}). No microphone is heard in that sleep unless something else collects its "
        "samples; one that is heard by DMA keeps the chip in a lighter sleep, whose power is not counted."
    )


def listening_cost(model: ModelSource, board: Board) -> ListeningCost:
    """Measures a model that carries a front end in integers and can listen."""
    found = measure(model, board, samples=1)
    own = found.front_end
    assert own is not None, "its front end is in integers"
    assert found.bit_exact and own.bit_exact  # noqa: PT018
    assert found.cycles is not None and own.frame_cycles is not None  # noqa: PT018
    assert found.sram_bytes is not None and found.flash_bytes is not None  # noqa: PT018
    assert own.inferences_a_second is not None, "it can listen"
    output = found.cycles - own.frames * own.frame_cycles
    front_end, network = own.frames_a_second * own.frame_cycles, own.inferences_a_second * output
    second = duty_cycle(board.milliseconds(front_end + network), board, 1.0, parse_battery(CR2032))
    return ListeningCost(
        front_end_cycles=front_end,
        network_cycles=network,
        output_cycles=output,
        outputs=own.inferences_a_second,
        sram_bytes=found.sram_bytes,
        flash_bytes=found.flash_bytes,
        share=second.duty,
        joules_a_day=second.average_w * _DAY_S,
    )
