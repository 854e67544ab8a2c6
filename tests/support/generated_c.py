"""The C that the compiler writes, built and run on this machine, against the integer reference."""

from collections.abc import Sequence

import numpy as np
import pytest

from micronets.compiler import Compiled, compile_model
from micronets.device import host
from micronets.device.host_compiler import host_compiler
from micronets.errors import DeviceError
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from tests.support.random_models import random_input

STRICT = ("-Wconversion", "-Wshadow", "-Wpedantic")
"""Warnings beyond those that `build_library` asks for; all of them are errors there."""

both_kernels = pytest.mark.parametrize("kernels", [("-O1",), ("-O1", "-DMICRONETS_DSP")], ids=["plain", "dsp"])
"""Runs a test with the flags that build the portable kernels, then with those for the DSP kernels.

The instructions of the DSP extension are then written out in C, so that this machine can run them.
"""


def needs_host_compiler() -> None:
    """Skips the test, with the reason, where there is no compiler for this machine."""
    try:
        host_compiler()
    except DeviceError as e:
        pytest.skip(str(e))


def assert_equals_reference(
    models: Sequence[QuantizedModel],
    flags: tuple[str, ...],
    compiled: Sequence[Compiled] | None = None,
    samples: int = 4,
    inputs: Sequence[np.ndarray] | None = None,
) -> None:
    """Fails unless the C of every model gives the reference's bytes, for each of its outputs.

    - models: the networks; they are built into one library.
    - flags: flags of the compiler.
    - compiled: the C of the models, in their order; None compiles each as `micronets compile` would.
    - samples: random inputs for each network.
    - inputs: the inputs of each network instead, `[N, *input_shape]`.

    Skips the test where there is no compiler for this machine.
    """
    needs_host_compiler()
    library = host.build_library([*map(compile_model, models)] if compiled is None else list(compiled), flags)
    for number, model in enumerate(models):
        x = random_input(model, samples, number) if inputs is None else inputs[number]
        want, found = reference.outputs(model, x), library.outputs(number, x)
        for (name, y), ours in zip(want.items(), found.values(), strict=True):
            assert np.array_equal(ours, y), (
                f"network {number}, output '{name}': {(ours != y).sum()} of {y.size} values differ: {model.arch.layers}"
            )
