"""The C that the compiler writes, built and run on this machine, against the integer reference."""

import subprocess
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from micronets.compiler import Compiled, compile_model
from micronets.device import host
from micronets.device.host_compiler import WARNINGS, compile_c, host_compiler
from micronets.errors import DeviceError
from micronets.files import temporary_directory
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from tests.support.random_models import random_input

STRICT = ("-Wconversion", "-Wshadow", "-Wpedantic")
"""Warnings beyond those that `build_library` asks for; all of them are errors there."""

FLAGS = ("-O1", *STRICT)
"""Flags of the compiler that most tests share, so that each kernel is compiled once for all of them."""

KERNELS = ((), ("-DMICRONETS_DSP",))
"""The flags that build the portable kernels, and those for the DSP kernels.

The instructions of the DSP extension are then written out in C, so that this machine can run them.
"""

NARROW = ("-DMICRONETS_NARROW_PRODUCTS=1",)
"""The flags that build kernels for a core whose products have 32 bits."""


def needs_host_compiler() -> None:
    """Skips the test, with the reason, where there is no compiler for this machine."""
    try:
        host_compiler()
    except DeviceError as e:
        pytest.skip(str(e))


def libraries(compiled: Sequence[Compiled], kernels: Sequence[tuple[str, ...]] = KERNELS) -> Iterator[host.Library]:
    """Builds networks into one library with each of some kernels.

    - compiled: the networks.
    - kernels: the flags that build the kernels, beside `FLAGS`.

    The files of the networks are compiled once for both, as they are the same text with each
    (`tests/compiler/test_model_c.py`). Skips the test where there is no compiler for this machine.
    """
    needs_host_compiler()
    with temporary_directory() as directory:
        sources = host.write_sources(compiled, directory)
        ours = [path for path in sources if path.name.startswith("micronets_")]
        own = [path for path in sources if path not in ours]
        words = [*host_compiler(), *WARNINGS, *FLAGS, "-fPIC", f"-I{directory}", "-c", *map(str, own)]
        done = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        objects = [directory / f"{path.stem}.o" for path in own]
        for number, more in enumerate(kernels):
            library = directory / f"models{number}.so"
            compile_c([*ours, *objects], library, (*FLAGS, *more, "-shared", "-fPIC"), folders=(directory,))
            yield host.Library(library, compiled)


def assert_equals_reference(
    models: Sequence[QuantizedModel],
    flags: tuple[str, ...] | None = None,
    compiled: Sequence[Compiled] | None = None,
    samples: int = 4,
    inputs: Sequence[np.ndarray] | None = None,
    kernels: Sequence[tuple[str, ...]] = KERNELS,
) -> None:
    """Fails unless the C of every model gives the reference's bytes, for each of its outputs.

    - models: the networks; they are built into one library.
    - flags: flags of the compiler; None builds as `libraries` does, with each of `kernels`.
    - compiled: the C of the models, in their order; None compiles each as `micronets compile` would.
    - samples: random inputs for each network.
    - inputs: the inputs of each network instead, `[N, *input_shape]`.
    - kernels: the flags that build the kernels, where no `flags` are given.

    Skips the test where there is no compiler for this machine.
    """
    needs_host_compiler()
    compiled = [*map(compile_model, models)] if compiled is None else list(compiled)
    given = [random_input(model, samples, i) for i, model in enumerate(models)] if inputs is None else inputs
    expected = [reference.outputs(model, x) for model, x in zip(models, given, strict=True)]
    built = libraries(compiled, kernels) if flags is None else [host.build_library(compiled, flags)]
    for which, library in enumerate(built):
        for number, (model, x, want) in enumerate(zip(models, given, expected, strict=True)):
            found = library.outputs(number, x)
            for (name, y), ours in zip(want.items(), found.values(), strict=True):
                assert np.array_equal(ours, y), (
                    f"network {number}, kernels {which}, output '{name}': "
                    f"{(ours != y).sum()} of {y.size} values differ: {model.arch.layers}"
                )
