"""A small stand-in for a checkout of TensorFlow Lite Micro, written and built by the tests that need one.

It is not TFLM, and holds nothing of it: headers with the names and signatures that TFLM documents, and a library of the
same name whose interpreter knows a few networks, and runs them with the C that micronets generates. So whatever
surrounds TFLM is exercised as it would be with TFLM itself: the files, the flags, the link, the start of C++, the
profiler's calls, the log, the arena. What TFLM's own code does and takes, it cannot show.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from micronets import tflite
from micronets.boards.board import Board
from micronets.compiler import compile_model
from micronets.compiler.generate.tflm_package import target_arch
from micronets.device import host
from micronets.device.kept_objects import ReadFiles, compile_once

DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"
LIBRARY = "libtensorflow-microlite.a"
METHODS = ("Add", "AveragePool2D", "Conv2D", "DepthwiseConv2D", "FullyConnected", "Mean", "Reshape", "Softmax")

_HEADERS = {
    "tensorflow/lite/c/common.h": """
#include <cstddef>
#include <cstdint>
#ifndef TF_LITE_STATIC_MEMORY
#error "TFLM's structures depend on TF_LITE_STATIC_MEMORY"
#endif
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
union TfLitePtrUnion { char* raw; int8_t* int8; float* f; };
struct TfLiteTensor { TfLitePtrUnion data; size_t bytes; };
""",
    f"{DOWNLOADS}/flatbuffers/include/flatbuffers/flatbuffers.h": "namespace flatbuffers { class Table {}; }\n",
    "tensorflow/lite/schema/schema_generated.h": """
#include <cstdint>
#include "flatbuffers/flatbuffers.h"
namespace tflite {
struct Model { uint32_t version() const { return 3; } };
inline const Model* GetModel(const void* buffer) { return static_cast<const Model*>(buffer); }
}  // namespace tflite
""",
    "tensorflow/lite/micro/micro_profiler_interface.h": """
#include <cstdint>
namespace tflite {
namespace micro {
class MicroProfilerInterface {
 public:
  virtual ~MicroProfilerInterface() {}
  virtual uint32_t BeginEvent(const char* tag) = 0;
  virtual void EndEvent(uint32_t event_handle) = 0;
};
}  // namespace micro
using micro::MicroProfilerInterface;
}  // namespace tflite
""",
    "tensorflow/lite/micro/micro_op_resolver.h": """
namespace tflite {
class MicroOpResolver {
 public:
  virtual ~MicroOpResolver() {}
  virtual unsigned Count() const = 0;
};
}  // namespace tflite
""",
    "tensorflow/lite/micro/micro_mutable_op_resolver.h": """
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"
namespace tflite {
template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  unsigned Count() const override { return count_; }
  METHODS
 private:
  TfLiteStatus Add_() { return count_ < tOpCount ? (count_++, kTfLiteOk) : (MicroPrintf("no room"), kTfLiteError); }
  unsigned count_ = 0;
};
}  // namespace tflite
""".replace("METHODS", "\n  ".join(f"TfLiteStatus Add{name}() {{ return Add_(); }}" for name in METHODS)),
    "tensorflow/lite/micro/micro_interpreter.h": """
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"
#define TFLITE_SCHEMA_VERSION (3)
namespace tflite {
class MicroResourceVariables;
class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver, uint8_t* tensor_arena,
                   size_t tensor_arena_size, MicroResourceVariables* resource_variables = nullptr,
                   MicroProfilerInterface* profiler = nullptr,
                   bool preserve_all_tensors = false);
  ~MicroInterpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor* input(size_t index);
  TfLiteTensor* output(size_t index);
  size_t arena_used_bytes() const;

 private:
  const Model* model_;
  const MicroOpResolver& ops_;
  uint8_t* arena_;
  size_t size_;
  MicroProfilerInterface* profiler_;
  int network_ = -1;
  TfLiteTensor input_ = {}, output_ = {};
};
}  // namespace tflite
""",
    "tensorflow/lite/micro/micro_log.h": "void MicroPrintf(const char* format, ...);\n",
    "tensorflow/lite/micro/system_setup.h": "namespace tflite { void InitializeTarget(); }\n",
    "tensorflow/lite/micro/cortex_m_generic/debug_log_callback.h": (
        'extern "C" void RegisterDebugLogCallback(void (*cb)(const char* s));\n'
    ),
}

_INTERPRETER = """\
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "tensorflow/lite/micro/cortex_m_generic/debug_log_callback.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/system_setup.h"

extern "C" {{
{declarations}
void standin_layer(unsigned index);
}}

namespace {{

struct Network {{
  uint32_t hash;
  unsigned layers, operators;
  size_t input_bytes, output_bytes, arena_bytes;
  void (*run)(const uint8_t* input, uint8_t* output, int64_t samples, uint8_t* arena);
}};
const Network networks[] = {{
{networks}
}};

uint32_t Hash(const uint8_t* bytes) {{
  uint32_t hash = 2166136261u;
  for (int i = 0; i < {hashed}; i++) hash = (hash ^ bytes[i]) * 16777619u;
  return hash;
}}

// A static object whose constructor must have run, and whose destructor asks for atexit.
volatile unsigned alive = 1;
struct Started {{
  Started() : value(41 + alive) {{}}
  ~Started() {{ alive = 0; }}
  unsigned value;
}};
Started started;

void (*log_callback)(const char* s) = nullptr;
tflite::MicroProfilerInterface* profiler = nullptr;
unsigned layers = 0;
uint32_t handle = 0;
bool open = false;

constexpr size_t Align(size_t bytes) {{ return (bytes + 15) / 16 * 16; }}

}}  // namespace

extern "C" void RegisterDebugLogCallback(void (*cb)(const char* s)) {{ log_callback = cb; }}

extern "C" void standin_layer(unsigned index) {{
  if (!profiler || STANDIN_SILENT) return;
  if (open) profiler->EndEvent(handle);
  open = index < layers;
  if (!open) return;
  handle = profiler->BeginEvent("LAYER");
  profiler->EndEvent(profiler->BeginEvent("a part of it"));
}}

#if STANDIN_STRIPPED
#define MicroPrintf(...) (void)0
#else
void MicroPrintf(const char* format, ...) {{
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (log_callback) log_callback(text);
  else puts(text);
}}
#endif

namespace tflite {{

void InitializeTarget() {{}}

MicroInterpreter::MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver, uint8_t* tensor_arena,
                                   size_t tensor_arena_size, MicroResourceVariables*, MicroProfilerInterface* p, bool)
    : model_(model), ops_(op_resolver), arena_(tensor_arena), size_(tensor_arena_size), profiler_(p) {{}}

MicroInterpreter::~MicroInterpreter() {{}}

TfLiteStatus MicroInterpreter::AllocateTensors() {{
  if (started.value != 42) return kTfLiteError;
  const uint32_t hash = Hash(reinterpret_cast<const uint8_t*>(model_));
  for (const Network& n : networks) {{
    if (n.hash == hash) network_ = static_cast<int>(&n - networks);
  }}
  if (network_ < 0 || networks[network_].operators != ops_.Count()) {{
    MicroPrintf("the stand-in does not know this model");
    return kTfLiteError;
  }}
  const Network& n = networks[network_];
  if (arena_used_bytes() > size_) {{
    MicroPrintf("Failed to allocate tensors: %u bytes missing", static_cast<unsigned>(arena_used_bytes() - size_));
    return kTfLiteError;
  }}
  input_.data.raw = reinterpret_cast<char*>(arena_ + Align(n.arena_bytes));
  input_.bytes = n.input_bytes;
  output_.data.raw = input_.data.raw + Align(n.input_bytes);
  output_.bytes = n.output_bytes;
  return kTfLiteOk;
}}

TfLiteStatus MicroInterpreter::Invoke() {{
  const Network& n = networks[network_];
  profiler = profiler_;
  layers = n.layers;
  n.run(reinterpret_cast<uint8_t*>(input_.data.raw), reinterpret_cast<uint8_t*>(output_.data.raw), 1, arena_);
  output_.data.raw[0] = static_cast<char>(output_.data.raw[0] ^ STANDIN_WRONG);
  return kTfLiteOk;
}}

TfLiteTensor* MicroInterpreter::input(size_t) {{ return &input_; }}
TfLiteTensor* MicroInterpreter::output(size_t) {{ return &output_; }}

size_t MicroInterpreter::arena_used_bytes() const {{
  const Network& n = networks[network_];
  return Align(n.arena_bytes) + Align(n.input_bytes) + Align(n.output_bytes) + STANDIN_ARENA_MORE;
}}

}}  // namespace tflite
"""


def checkout(root: Path) -> Path:
    """Returns the headers of a checkout, without a library."""
    for name, text in _HEADERS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#pragma once\n{text}", "utf-8")
    return root


def library(root: Path, models: Sequence[bytes], board: Board | None, place: Path | None = None, **faults: int) -> Path:
    """Builds the library of networks `models`, .tflite files, for a board's core, or this machine (None).

    - root: the checkout.
    - models: the `.tflite` files that the library knows.
    - board: the board for whose core it is built; None for this machine.
    - place: the library's file; None for where TFLM's Makefile puts it.
    - faults: WRONG flips bits of outputs, SILENT tells the profiler nothing, STRIPPED leaves out the log, and
      ARENA_MORE takes so many bytes more of the arena.
    """
    place = place or root / f"gen/{_target(board)}_gcc/lib/{LIBRARY}"
    work = place.parent / "work"
    work.mkdir(parents=True)
    read = [tflite.read(data) for data in models]
    compiled = [compile_model(model) for model in read]
    sources = host.write_sources(compiled, work)
    hashed = min(map(len, models))
    hashes = [_hash(data[:hashed]) for data in models]
    assert len(set(hashes)) == len(hashes)
    rows = []
    for i, (c, data, value) in enumerate(zip(compiled, models, hashes, strict=True)):
        assert len(c.model.arch.layers) == len(read[i].arch.layers)  # else layers and operators are not the same
        x, y = (_bytes(shape) for shape in (c.model.arch.input_shape, c.model.arch.output_shape))
        operators = len(tflite.operators(data))
        rows.append(
            f"  {{{value}u, {len(c.model.arch.layers)}, {operators}, {x}, {y}, {c.arena_bytes}, model{i}_run}},"
        )
    run = "void model{}_run(const uint8_t* input, uint8_t* output, int64_t samples, uint8_t* arena);"
    interpreter = work / "interpreter.cc"
    interpreter.write_text(
        _INTERPRETER.format(
            declarations="\n".join(run.format(i) for i in range(len(models))), networks="\n".join(rows), hashed=hashed
        ),
        "utf-8",
    )
    (work / "layer.h").write_text(
        "#pragma once\nvoid standin_layer(unsigned index);\n#define MICRONETS_LAYER(i) standin_layer((unsigned)(i))\n",
        "utf-8",
    )
    prefix, flags = ("arm-none-eabi-", list(board.compiler_flags)) if board else ("", [])
    flags += ["-O2", "-ffunction-sections"]
    faults = {"WRONG": 0, "SILENT": 0, "STRIPPED": 0, "ARENA_MORE": 0} | faults
    cxx = ["-std=c++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics", "-Wall", "-Werror"]
    cxx += ["-DTF_LITE_STATIC_MEMORY"]
    cxx += [f"-DSTANDIN_{name}={value}" for name, value in faults.items()]
    objects, files = [], ReadFiles([work, root, root / DOWNLOADS / "flatbuffers/include"])
    for n, source in enumerate([*sources, interpreter]):
        objects.append(work / f"{n}.o")
        marks = [work / "layer.h"] if source.suffix == ".c" else []  # not for assembly
        compiler, *own = ["g++", *cxx] if source is interpreter else ["gcc", "-std=c99"]
        compile_once([f"{prefix}{compiler}"], [*flags, *own], files, source, objects[-1], _run, marks)
    subprocess.run([f"{prefix}ar", "rcs", str(place), *map(str, objects)], check=True)
    shutil.rmtree(work)
    return place


def _run(words: Sequence[str]) -> None:
    subprocess.run(words, check=True)


def _target(board: Board | None) -> str:
    return f"cortex_m_generic_{target_arch(board)}_default_cmsis_nn" if board else "linux_x86_64_default"


def _bytes(shape: Sequence[int]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


def _hash(data: bytes) -> int:
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 % 2**32
    return value
