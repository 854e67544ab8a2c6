"""A package for TensorFlow Lite Micro: the file as a C array, its operators, its arena, a test, how to build them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from micronets.boards.board import Board
from micronets.boards.cores import core_of
from micronets.compiler.generate import ctext, example_c, package
from micronets.compiler.generate.names import DEFAULT, Names
from micronets.cost.tflm_arena import FileTensors, arena_tflm_bytes
from micronets.cost.tflm_plan import align
from micronets.errors import SpecError
from micronets.ir.types import Type
from micronets.quantized.model import QuantizedModel

MARGIN_BYTES, MARGIN_PERCENT = 1024, 2  # on top of the predicted arena: TFLM's structs change from version to version

_DATA_H = """\
/* The model: {title}. */
#ifndef {m}DATA_H
#define {m}DATA_H

#include <stdint.h>

#define {m}BYTES {size}

#ifdef __cplusplus
extern "C" {{
#endif

extern const uint8_t {name}[{m}BYTES]; /* a .tflite file, aligned to 16 bytes */

#ifdef __cplusplus
}}
#endif

#endif
"""

_DATA_C = """\
#include "model_data.h"

__attribute__((aligned(16))) {array}"""

_SETTINGS_H = """\
// What TensorFlow Lite Micro needs to run the model: its operators and its arena.
#ifndef MICRONETS_TFLM_H
#define MICRONETS_TFLM_H

#include <cstdint>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

// The predicted {cortex:,} bytes on a Cortex-M with CMSIS-NN and {host:,} on a 64-bit machine, plus margins of
// {margin:,} and {margin64:,} bytes ({percent} % and {extra:,}); interpreter.arena_used_bytes() returns what your
// version of TFLM uses.
constexpr int kMicronetsArenaBytes = UINTPTR_MAX > 0xFFFFFFFFu ? {host_total} : {cortex_total};

// The number of variables that the model keeps from one inference to the next.
constexpr int kMicronetsVariables = {variables};

using MicronetsOps = tflite::MicroMutableOpResolver<{count}>;

// Registers the operators of the model and no others.
TfLiteStatus RegisterMicronetsOps(MicronetsOps& ops);

#endif
"""

_RESOLVER = """\
#include "micronets_tflm.h"

TfLiteStatus RegisterMicronetsOps(MicronetsOps& ops) {{
{calls}
  return kTfLiteOk;
}}
"""

_MAIN = """\
// Runs the model once and compares its output with the expected one, byte for byte. Returns 0 if they are equal.
#include <cstring>

#include "micronets_tflm.h"
#include "model_data.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/system_setup.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "test_vector.h"

alignas(16) static uint8_t arena[kMicronetsArenaBytes];

int main() {{
  tflite::InitializeTarget();
  const tflite::Model* model = tflite::GetModel({name});
  if (model->version() != TFLITE_SCHEMA_VERSION) {{
    MicroPrintf("the model has schema version %d, this TFLM reads %d", static_cast<int>(model->version()),
                TFLITE_SCHEMA_VERSION);
    return 1;
  }}
  static MicronetsOps ops;
  if (RegisterMicronetsOps(ops) != kTfLiteOk) {{
    MicroPrintf("an operator could not be registered");
    return 1;
  }}
{interpreter}
  if (interpreter.AllocateTensors() != kTfLiteOk) {{
    MicroPrintf("an arena of %d bytes is too small: raise kMicronetsArenaBytes", static_cast<int>(sizeof arena));
    return 1;
  }}
  MicroPrintf("arena: %d bytes used of %d", static_cast<int>(interpreter.arena_used_bytes()),
              static_cast<int>(sizeof arena));

  TfLiteTensor* input = interpreter.input(0);
  const TfLiteTensor* output = interpreter.output(0);
  if (input->bytes != sizeof micronets_test_input || output->bytes != sizeof micronets_test_output) {{
    MicroPrintf("the model and the test vector do not belong together");
    return 1;
  }}
  std::memcpy(input->data.{input_field}, micronets_test_input, input->bytes);  // your data here
  if (interpreter.Invoke() != kTfLiteOk) {{
    MicroPrintf("the inference failed");
    return 1;
  }}
  if (std::memcmp(output->data.{output_field}, micronets_test_output, output->bytes) != 0) {{
    MicroPrintf("the output DIFFERS from the expected one");
    return 1;
  }}
  MicroPrintf("the output is equal to the expected one, every byte");
  return 0;
}}
"""

_MAKEFILE = """\
# Read by TFLM's own Makefile when this directory lies in tensorflow/lite/micro/examples/{name}/.
MICRONETS_DIR := $(TENSORFLOW_ROOT)tensorflow/lite/micro/examples/{name}/
MICRONETS_SRCS := $(addprefix $(MICRONETS_DIR),main.cc resolver.cc model_data.c)
MICRONETS_HDRS := $(addprefix $(MICRONETS_DIR),micronets_tflm.h model_data.h test_vector.h)

$(eval $(call microlite_test,{name},$(MICRONETS_SRCS),$(MICRONETS_HDRS)))
"""

_README = """\
# {title}, under TensorFlow Lite Micro

| file | contents |
|---|---|
| `model_data.c`, `model_data.h` | the `.tflite` file, {size:,} bytes, aligned to 16 |
| `micronets_tflm.h`, `resolver.cc` | the size of the arena; registers the model's {count} operators and no others |
| `main.cc`, `test_vector.h` | one inference; every output byte must be as expected |
| `Makefile.inc` | for TFLM's Makefile |

Operators: {operators}.

Arena: {cortex_total:,} bytes on a Cortex-M with CMSIS-NN: the predicted {cortex:,} bytes and a margin of {percent} %
and {extra:,} bytes, because TFLM's structures change. On a 64-bit machine it is {host_total:,}. The program prints how
much of it is used; reduce `kMicronetsArenaBytes` to save the rest. Without CMSIS-NN, 4-bit weights need more.

Written for {board}: {sram:,} bytes of SRAM, {flash:,} of flash.

## In a checkout of TFLM

    git clone https://github.com/tensorflow/tflite-micro
    cp -r THIS_DIRECTORY tflite-micro/tensorflow/lite/micro/examples/{name}
    cd tflite-micro
    make -f tensorflow/lite/micro/tools/make/Makefile run_{name}

builds it for this machine and runs it. For the board's core:

    make -f tensorflow/lite/micro/tools/make/Makefile {words} \\
        OPTIMIZED_KERNEL_DIR=cmsis_nn microlite

builds `gen/cortex_m_generic_{arch}_default_cmsis_nn_gcc/lib/libtensorflow-microlite.a`. Link it with these files in
the board's project, which has the start-up code and the linker script.

## With a prebuilt library

    make -f tensorflow/lite/micro/tools/make/Makefile microlite
    T=gen/linux_x86_64_default_gcc/lib
    D=tensorflow/lite/micro/tools/make/downloads
    cc -O2 -c THIS_DIRECTORY/model_data.c -o model_data.o
    c++ -std=c++17 -O2 -DTF_LITE_STATIC_MEMORY -I. -I$D/flatbuffers/include -I$D/gemmlowp -ITHIS_DIRECTORY \\
        THIS_DIRECTORY/main.cc THIS_DIRECTORY/resolver.cc model_data.o $T/libtensorflow-microlite.a -o run && ./run

Set `TF_LITE_STATIC_MEMORY` exactly as it was set for the library: TFLM's structures depend on it.
"""


_WITHOUT_VARIABLES = "  static tflite::MicroInterpreter interpreter(model, ops, arena, sizeof arena);"
_WITH_VARIABLES = """\
  tflite::MicroAllocator* allocator = tflite::MicroAllocator::Create(arena, sizeof arena);
  tflite::MicroResourceVariables* variables = tflite::MicroResourceVariables::Create(allocator, kMicronetsVariables);
  static tflite::MicroInterpreter interpreter(model, ops, allocator, variables);"""

_METHODS = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}
"""The methods whose names do not follow from their operators by the rule of `resolver_method`."""

_FIELDS: Mapping[Type, str] = {
    "int4": "int8",
    "int8": "int8",
    "uint8": "uint8",
    "int16": "i16",
    "int32": "i32",
    "float32": "f",
    "bool": "b",
    "uint32": "u32",
    "uint64": "u64",
}
"""The member of the union `TfLitePtrUnion` that points to a tensor's values."""


def resolver_method(operator: str) -> str:
    """Returns the method of `MicroMutableOpResolver` that registers an operator, such as AddConv2D of CONV_2D."""
    if operator.startswith("Signal"):
        return "Add" + operator.removeprefix("Signal")
    words = ("2D" if word == "2D" else word.capitalize() for word in operator.split("_"))
    return _METHODS.get(operator) or "Add" + "".join(words)


def arena_with_margin(predicted: int) -> int:
    """Returns the bytes of the arena to provide for a predicted need of `predicted` bytes; a multiple of 16."""
    return int(align(predicted + predicted * MARGIN_PERCENT // 100 + MARGIN_BYTES))


def target_arch(board: Board) -> str:
    """Returns the name of the board's core in TFLM's `cortex_m_generic`. Raises `SpecError` for a core that it
    lacks."""
    core = core_of(board.core, board.name)
    if core.tflm_arch is None:
        raise SpecError(f"{board.name}: {core.no_tflm}; take runtime c")
    return core.tflm_arch


def make_words(board: Board) -> str:
    """Returns the variables of TFLM's Makefile for the board's core, and for its FPU if cores of this kind differ."""
    fpu = [flag.removeprefix("-mfpu=") for flag in board.compiler_flags if flag.startswith("-mfpu=")]
    more = f" FPU={fpu[0]}" if core_of(board.core, board.name).tflm_asks_fpu and fpu else ""
    return f"TARGET=cortex_m_generic TARGET_ARCH={target_arch(board)}{more}"


def tflm_files(
    data: bytes,
    model: QuantizedModel,
    tensors: FileTensors,
    operators: Sequence[str],
    board: Board,
    name: str = DEFAULT,
) -> Mapping[str, str]:
    """Returns every file of a package for TFLM, by its name.

    - data: the bytes of the `.tflite` file.
    - model: the network in the file.
    - tensors: the tensors of the file, from which the arena is predicted.
    - operators: TensorFlow Lite's names of the file's operators, each once.
    - board: the board that the README and the arena are for.
    - name: the name of the network in C, see `Names`; the array with the file, its size and the program begin with it.

    Raises `SpecError` for a name that `Names` refuses, for several inputs or outputs, and for a core that TFLM lacks.
    """
    names = Names(name)
    model.arch.check_one_input()
    title = package.title(model)
    cortex, host = (arena_tflm_bytes(model.arch, word, tensors) for word in (4, 8))
    totals = arena_with_margin(cortex), arena_with_margin(host)
    shown: dict[str, object] = {
        "title": title,
        "name": names.library,
        "m": names.macros,
        "size": len(data),
        "count": len(operators),
        "operators": ", ".join(operators),
        "cortex": cortex,
        "host": host,
        "cortex_total": totals[0],
        "host_total": totals[1],
        "margin": totals[0] - cortex,
        "margin64": totals[1] - host,
        "percent": MARGIN_PERCENT,
        "extra": MARGIN_BYTES,
        "input_field": _FIELDS[model.arch.input_type],
        "output_field": _FIELDS[model.arch.types()[model.arch.only_output]],
        "board": board.name,
        "arch": target_arch(board),
        "words": make_words(board),
        "sram": board.sram_bytes,
        "flash": board.flash_bytes,
        "calls": "\n".join(
            # a line each: easy to compare with the model
            f"  if (ops.{resolver_method(op)}() != kTfLiteOk) return kTfLiteError;"
            for op in operators
        ),
        "interpreter": _WITH_VARIABLES if tensors.variables else _WITHOUT_VARIABLES,
        "variables": tensors.variables,
        "array": ctext.array("uint8_t", names.library, data).removeprefix("static "),
    }
    templates = {
        "model_data.h": _DATA_H,
        "model_data.c": _DATA_C,
        "micronets_tflm.h": _SETTINGS_H,
        "resolver.cc": _RESOLVER,
        "main.cc": _MAIN,
        "Makefile.inc": _MAKEFILE,
        "README.md": _README,
    }
    return {name: text.format(**shown) for name, text in templates.items()} | {
        "test_vector.h": example_c.test_vector(model)
    }
