"""Runs generated C on this machine: builds it as a shared library and calls it, with guard bytes around its arena.

It shows the results of the C, not its time on a board. C for a board is built by `cross_compiler.py`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.compiler import Compiled
from micronets.compiler.generate.tensors_c import first_input, output_functions, public_functions
from micronets.compiler.kernel_files import is_source
from micronets.compiler.kernels.variables import state_block_bytes
from micronets.device.host_compiler import compile_c
from micronets.errors import CheckFailed
from micronets.files import temporary_directory
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import InputArrays
from micronets.quantized.reference import packed_inputs

Array = npt.NDArray[Any]

_GUARD_BYTES = 256  # bytes before the arena, and behind it; a network that changes one wrote beside its arena
_PATTERN = 0xA5  # the value of the guard bytes
_ARENA_ALIGNMENT = 16  # alignment of the arena in bytes

_RUNNER = """\
{renamed}
#include "{i}/{source}"

void model{i}_run(const uint8_t *input, uint8_t *output, int64_t samples, uint8_t *arena);
void model{i}_run(const uint8_t *input, uint8_t *output, int64_t samples, uint8_t *arena)
{{
{reset}    for (int64_t n = 0; n < samples; n++) {{
        uint8_t *in = (uint8_t *){input};
        for (int32_t k = 0; k < {input_bytes}; k++) {{
            in[k] = *input++;
        }}
        {f}invoke({arguments});
{copies}
    }}
}}
"""


_RESET = """\
    static int8_t state[{bytes}] __attribute__((aligned(16)));
    {f}reset(state);
"""

_COPY = """\
        {{
            const uint8_t *out = (const uint8_t *){function}(arena);
            for (int32_t k = 0; k < {count}; k++) {{
                *output++ = out[k];
            }}
        }}"""


class Library:
    """Networks compiled for this machine, numbered from 0 in the order in which `build_library` was given them."""

    def __init__(self, path: Path, models: Sequence[Compiled]) -> None:
        self._library = ctypes.CDLL(str(path))
        self._models = tuple(models)

    def run(self, number: int, x: InputArrays) -> Array:
        """Runs a network that has one output on several inputs.

        - number: the number of the network.
        - x: inputs `[N, *input_shape]`, int8, or float32 where the network's input is float.

        Returns the output `[N, *output_shape]`, int8, or float32 where it is float. Raises the errors of `outputs`, and
        `SpecError` for a network with several outputs.
        """
        return self.outputs(number, x)[self._models[number].model.arch.only_output]

    def outputs(self, number: int, x: InputArrays) -> dict[str, Array]:
        """Runs a network on several inputs.

        - number: the number of the network.
        - x: inputs `[N, *input_shape]` of the type of the network's input.

        Returns every output by name, `[N, *shape]`, of its type. Raises `SpecError` for an input of another shape or
        type, and `CheckFailed` if the network wrote beside its arena.
        """
        compiled = self._models[number]
        arch, types = compiled.model.arch, compiled.model.arch.types()
        given = packed_inputs(compiled.model, x)
        sizes = [compiled.model.tensor_bytes(name) for name in arch.outputs]
        y = np.zeros((len(given), sum(sizes)), np.int8)
        memory = np.full(compiled.arena_bytes + 2 * _GUARD_BYTES + _ARENA_ALIGNMENT, _PATTERN, np.uint8)
        start = _GUARD_BYTES + -(memory.ctypes.data + _GUARD_BYTES) % _ARENA_ALIGNMENT
        function = self._library[f"model{number}_run"]
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
        function.restype = None
        function(given.ctypes.data, y.ctypes.data, len(given), memory.ctypes.data + start)
        if (memory[:start] != _PATTERN).any() or (memory[start + compiled.arena_bytes :] != _PATTERN).any():
            raise CheckFailed(
                f"the generated C wrote beside its arena of {compiled.arena_bytes} bytes; please report the model"
            )
        pieces = zip(arch.outputs, np.split(y, np.cumsum(sizes)[:-1], axis=1), strict=True)
        shapes = arch.shapes()
        return {
            name: np.ascontiguousarray(piece).view(dtype_of(types[name])).reshape(-1, *shapes[name])
            for name, piece in pieces
        }


def build_library(models: Sequence[Compiled], flags: Sequence[str] = ("-O2",)) -> Library:
    """Compiles networks into one library for this machine.

    - models: the networks, compiled by `compile_model`.
    - flags: flags for the C compiler.

    Raises `DeviceError` if there is no compiler or it fails.
    """
    with temporary_directory() as directory:
        sources = write_sources(models, directory)
        library = directory / "models.so"
        compile_c(sources, library, (*flags, "-shared", "-fPIC"), folders=(directory,))
        return Library(library, models)


def write_sources(models: Sequence[Compiled], directory: Path) -> list[Path]:
    """Writes the C of networks into a directory, and a function that runs each.

    The function of number i is `void model{i}_run(const uint8_t *input, uint8_t *output, int64_t samples,
    uint8_t *arena)`.

    Returns the files to compile; headers are found from `directory`.
    """
    sources = {}
    for i, compiled in enumerate(models):
        arch = compiled.model.arch
        own = directory / str(i)
        own.mkdir()
        for file, text in compiled.files.items():
            if file in compiled.front_end:
                continue
            ours = file.startswith("micronets_")
            path = (directory if ours else own).joinpath(file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            if ours and is_source(file):
                sources[file] = path
        runner = directory / f"runner{i}.c"
        names = compiled.names
        outputs = output_functions(arch, names)
        text = _RUNNER.format(
            i=i,
            f=names.functions,
            source=names.source,
            reset=_RESET.format(f=names.functions, bytes=state_block_bytes(arch)) if arch.variables() else "",
            arguments="arena, state" if arch.variables() else "arena",
            renamed="\n".join(f"#define {f} model{i}_{f}" for f in public_functions(compiled.model, names)),
            input=first_input(arch, names),
            input_bytes=compiled.model.input_bytes(),
            copies="\n".join(
                _COPY.format(function=function, count=compiled.model.tensor_bytes(name))
                for function, name in zip(outputs, arch.outputs, strict=True)
            ),
        )
        runner.write_text(text, "utf-8")
        sources[runner.name] = runner
    return list(sources.values())


def run_on_host(compiled: Compiled, x: InputArrays) -> Array:
    """Builds one network with one output, runs it on inputs and returns its output.

    - compiled: the network.
    - x: inputs `[N, *input_shape]`.

    Raises the errors of `build_library` and `Library.run`.
    """
    return build_library([compiled]).run(0, x)
