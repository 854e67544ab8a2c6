"""Average power and battery life, against sums made by hand, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from micronets.boards.battery import Battery, check_rate, duty_cycle, duty_rows, life_text, parse_battery, watts
from micronets.boards.board import load_board
from micronets.errors import SpecError
from tests.support.calling import call

BOARD = replace(load_board("NUCLEO-L4R5ZI"), active_power_w=0.1, sleep_power_w=1e-5)
COIN = Battery(0.225, 3.0)


def test_average_power_and_life_by_hand() -> None:
    """Two inferences a second of 50 ms at 100 mW take a tenth of the time.

    The average power is 0.1 x 0.1 W + 0.9 x 0.00001 W = 0.010009 W, with which 2,430 J last 2,430 / 0.010009 s.
    """
    found = duty_cycle(50.0, BOARD, 2.0, COIN)
    assert found.duty == pytest.approx(0.1)
    assert found.average_w == pytest.approx(0.010009)
    assert found.life_hours == pytest.approx(2430 / 0.010009 / 3600)
    assert found.battery == "225mAh@3V"


def test_the_whole_time_and_hardly_ever() -> None:
    assert duty_cycle(500.0, BOARD, 2.0, COIN).average_w == pytest.approx(0.1)
    assert duty_cycle(1.0, BOARD, 1e-6, COIN).average_w == pytest.approx(1e-5, rel=1e-3)


def test_a_sleep_that_is_not_known_is_a_bound_and_says_so() -> None:
    found = duty_cycle(50.0, replace(BOARD, sleep_power_w=None), 2.0, COIN)
    assert found.average_w == pytest.approx(0.01)
    (_, power, why), (_, lasts, _) = duty_rows(found)
    assert (power, lasts) == ("over 10 mW", "under 2.81 days")
    assert why == "2 a second: 10.00% of the time at 100 mW, the rest asleep, at a power that is not known: 0 here"


def test_rows() -> None:
    assert duty_rows(duty_cycle(50.0, BOARD, 2.0, COIN)) == [
        ("average power", "10 mW", "2 a second: 10.00% of the time at 100 mW, else 10 uW asleep"),
        ("battery life", "2.81 days", "on 225mAh@3V, all of it used"),
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(1.5, "1.5 W"), (0.163, "163 mW"), (0.0012, "1.2 mW"), (8.4e-6, "8.4 uW"), (2e-9, "0.002 uW")]
)
def test_watts(value: float, text: str) -> None:
    assert watts(value) == text


@pytest.mark.parametrize(
    ("hours", "text"), [(5, "5 hours"), (47, "1.96 days"), (8766, "1 years"), (20000, "2.28 years")]
)
def test_life(hours: float, text: str) -> None:
    assert life_text(hours) == text


def test_batteries() -> None:
    assert parse_battery("225mAh@3V") == COIN
    assert parse_battery(" 2.4 Ah @ 1.5 V ") == Battery(2.4, 1.5)
    assert Battery(2.4, 1.5).joules == pytest.approx(2.4 * 1.5 * 3600)
    for text in ("", "225", "225mAh", "3V@225mAh", "0mAh@3V", "225mAh@0V", "-1Ah@3V", "225kWh@3V"):
        with pytest.raises(SpecError, match=r"battery: '.*' is not one; write charge and voltage, both above 0"):
            parse_battery(text)


def test_rates_that_are_refused() -> None:
    for rate in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(SpecError, match="need a number above 0"):
            check_rate(rate)
    text = (
        "rate = 25 inferences a second: NUCLEO-L4R5ZI takes 50 ms for one, so at most 20 a second; use a lower rate "
        "or a"
    )
    with pytest.raises(SpecError, match=text):
        duty_cycle(50.0, BOARD, 25.0, COIN)
    for latency in (50.0, 1100.0 / 3, 1234.567):
        assert duty_cycle(latency, BOARD, 1e3 / latency, COIN).duty == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--battery", "225mAh@3V"),
            "--battery 225mAh@3V: its life depends on how often the network runs; give --rate",
        ),
        (("--rate", "0"), "rate = 0 inferences a second; need a number above 0"),
        (("--rate", "1", "--battery", "AA"), "battery: 'AA' is not one"),
        (("--rate", "1", "--device", "host"), "--rate: is for a board that is simulated or measured"),
    ],
)
def test_the_command_refuses_before_it_measures(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    result = call("measure", tmp_path / "none.tflite", "--board", "NUCLEO-L4R5ZI", *options)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1
