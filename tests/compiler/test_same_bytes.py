"""However the generated C is built, it gives the reference's bytes inside its arena.

A few ways to build it are tried here; benchmarks/same_bytes.py tries all of them.
"""

from dataclasses import replace

import pytest

from benchmarks.same_bytes import SANITIZED, Case, Way, case, cases, missing, run, table, ways
from micronets.compiler import compile_model
from micronets.device import host
from micronets.errors import CheckFailed, DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Relu
from tests.support.random_models import random_input, random_model

QUICK = (
    Way("gcc", ("-Os", "-m32", "-DMICRONETS_DSP")),
    Way("gcc", ("-O3", "-m64", "-DMICRONETS_DSP")),
    Way("clang", ("-O0", "-m32")),
    Way("gcc", (*SANITIZED, "-DMICRONETS_DSP")),
    Way("clang", SANITIZED),
)


@pytest.fixture(scope="module")
def chosen() -> list[Case]:
    """Returns two random networks, one of which, number 3, has sums that saturate."""
    return cases((3, 23), None)


def built(way: Way, chosen: list[Case]) -> list[str]:
    if reason := missing(way):
        pytest.skip(reason)
    return run(way, chosen)


@pytest.mark.parametrize("way", QUICK, ids=str)
def test_outputs_equal_the_reference(way: Way, chosen: list[Case]) -> None:
    assert way in ways()
    assert built(way, chosen) == []


def test_a_write_beside_the_arena_is_found() -> None:
    """The caller of a network gives it fewer bytes than it needs."""
    model = random_model(Arch((8, 8, 3), (Relu(name="a", inputs=(INPUT,)),)), 0)
    compiled = compile_model(model)
    spoilt = case("short", model, 0, replace(compiled, arena_bytes=compiled.arena_bytes - 64))
    assert built(Way("gcc", ("-O2", "-m64")), [spoilt]) == ["gcc -O2 -m64: network 0 wrote beside its arena"]
    assert "heap-buffer-overflow" in built(Way("gcc", SANITIZED), [spoilt])[0]
    with pytest.raises(CheckFailed, match="the generated C wrote beside its arena"):
        host.run_on_host(spoilt.compiled, random_input(model, 2, 0))


def test_a_wrong_byte_is_found() -> None:
    model = random_model(Arch((2, 2, 1), (Relu(name="a", inputs=(INPUT,)),)), 0)
    good = case("one", model, 0)
    text = built(Way("gcc", ("-O2", "-m64")), [good, replace(good, name="two", y=good.y ^ 1)])
    assert text == ["gcc -O2 -m64: two: 16 of 16 outputs differ"]


def test_what_is_not_there_is_skipped_with_its_reason() -> None:
    assert missing(Way("no-such-compiler", ())) == "no no-such-compiler"
    if missing(Way("gcc", ())) is None:
        assert missing(Way("gcc", ("-mno-such-flag",))) == "gcc cannot build for it here"
        with pytest.raises(DeviceError, match="the C compiler 'gcc' failed"):
            run(Way("gcc", ("-mno-such-flag",)), cases((0,), None))


def test_table() -> None:
    rows = [(way, "equal") for way in ways()[:-1]] + [(ways()[-1], "skipped: no clang")]
    text = table(rows, 100, 8)
    assert "| -O0 -m64 | equal | equal | equal | equal |" in text
    assert "undefined-behaviour sanitizers | equal | equal | equal | skipped: no clang |" in text
