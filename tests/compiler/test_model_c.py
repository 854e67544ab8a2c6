"""The generated C computes what the reference computes, byte for byte, inside its arena."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.device import host
from micronets.device.host_compiler import compile_c, host_compiler
from micronets.errors import DeviceError, SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.tflite import read
from tests.support.generated_c import KERNELS, NARROW, STRICT, assert_equals_reference, needs_host_compiler
from tests.support.int16_models import random_int16_model
from tests.support.random_models import random_arch, random_model
from tests.tflite.test_read_write import RELEASED

RANDOM_NETWORKS = 24


@pytest.fixture(autouse=True)
def compiler() -> None:
    needs_host_compiler()


def test_random_networks_equal_the_reference() -> None:
    """Plain C, and the kernels of a processor with DSP instructions, these being emulated."""
    assert_equals_reference([random_model(random_arch(s), s) for s in range(RANDOM_NETWORKS)], samples=8)


def test_the_files_of_a_network_are_the_same_text_with_either_kernels(tmp_path: Path) -> None:
    """So `tests/support/generated_c.py` compiles them once for both."""
    models = [random_model(random_arch(s), s) for s in range(3)] + [random_int16_model(0)]
    (compiler, *more), sources = host_compiler(), host.write_sources([*map(compile_model, models)], tmp_path)
    own = [path for path in sources if not path.name.startswith("micronets_")]
    assert len(own) == len(models)
    texts = [
        subprocess.run(
            [compiler, *more, "-std=c99", *kernels, f"-I{tmp_path}", "-E", "-P", *own], capture_output=True, check=True
        ).stdout
        for kernels in (*KERNELS, NARROW)
    ]
    assert texts[0] == texts[1] == texts[2] != b""


def test_outputs_that_overlap_their_input_equal_the_reference() -> None:
    """One layer each, whose input dies: the arena is as small as the kernel's order of work allows."""
    base = {"name": "y", "inputs": (INPUT,)}
    cases: list[tuple[tuple[int, ...], Layer]] = []
    for pixels, inputs, filters in (
        (1, 3, 5),
        (2, 5, 4),
        (3, 4, 7),
        (5, 8, 9),
        (125, 8, 9),
        (24, 9, 4),
        (25, 3, 4),
        (7, 2, 9),
    ):
        cases.append(((pixels, 1, inputs), layers.Conv2D(**base, filters=filters, kernel=(1, 1))))
    for stride, padding, dilation in (((1, 1), "same", (1, 1)), ((2, 3), "valid", (1, 1)), ((1, 2), "same", (2, 1))):
        window = {"stride": stride, "padding": padding}
        cases.append(((9, 7, 4), layers.Conv2D(**base, **window, dilation=dilation, filters=5, kernel=(3, 2))))
        cases.append(((9, 7, 6), layers.DepthwiseConv2D(**base, **window, dilation=dilation, kernel=(3, 3))))
        cases.append(((9, 7, 3), layers.DepthwiseConv2D(**base, **window, kernel=(3, 3), multiplier=2)))
        cases.append(((9, 7, 5), layers.AveragePool2D(**base, **window, pool=(3, 3))))
        cases.append(((9, 7, 5), layers.MaxPool2D(**base, **window, pool=(2, 3))))
    cases.append(((6, 5, 7), layers.Mean(**base)))
    cases.append(((6, 5, 7), layers.Pad(**base, paddings=((1, 2), (0, 1), (2, 0)))))
    cases.append(((6, 5, 7), layers.Softmax(**base)))
    cases.append(((6, 5, 7), layers.Relu(**base)))
    models = [random_model(Arch(shape, (layer,)), i) for i, (shape, layer) in enumerate(cases)]
    for model in models:
        plan = compile_model(model).plan
        apart = getattr(model.arch.layers[0], "multiplier", 1) > 1  # depthwise with more outputs than inputs
        assert plan.bytes < plan.live_bytes + (32 if apart else 16)
        assert plan.bytes == plan.bound_bytes or apart
    assert_equals_reference(models)


@pytest.mark.parametrize("flags", [("-O0",), ("-O3", "-funroll-loops"), ("-Os", "-funsigned-char")])
def test_every_optimisation_level_gives_the_same_bytes(flags: tuple[str, ...]) -> None:
    assert_equals_reference([random_model(random_arch(s), s) for s in (3, 21)], flags, samples=8)


def test_sanitizers_find_nothing_and_the_example_agrees(tmp_path: Path) -> None:
    flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    probe = tmp_path / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    try:
        compile_c([probe], tmp_path / "probe", flags)
    except DeviceError:
        pytest.skip("the C compiler has no sanitizers")
    for seed, kernels in ((3, "-DMICRONETS_DSP"), (7, "-DPLAIN"), (12, "-DPLAIN")):  # 3 and 7 saturate
        directory = tmp_path / str(seed)
        directory.mkdir()
        for name, text in compile_model(random_model(random_arch(seed), seed)).files.items():
            (directory / name).write_text(text)
        compile_c(sorted(directory.glob("*.c")), directory / "example", (*flags, *STRICT, kernels))
        done = subprocess.run([directory / "example"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", RELEASED)
def test_released_models_equal_the_reference(shared: Path, name: str) -> None:
    model = read((shared / "models" / name).read_bytes(), name)
    assert_equals_reference([model], samples=3)


@pytest.fixture(scope="module")
def dense() -> QuantizedModel:
    stack = (
        layers.FullyConnected(name="*/ int x; /*", inputs=(INPUT,), units=3),
        layers.Reshape(name="r\n", inputs=("*/ int x; /*",), shape=(1, 3)),
    )
    return random_model(Arch((4,), stack), 1)


def test_names_of_layers_cannot_break_the_c(dense: QuantizedModel) -> None:
    assert_equals_reference([dense], samples=2)


def test_matrices_by_eights() -> None:
    stack = (
        layers.FullyConnected(name="a", inputs=(INPUT,), units=24, activation="relu"),
        layers.FullyConnected(name="b", inputs=("a",), units=8),
    )
    models = []
    for inputs in (8, 40, 72):
        made = random_model(Arch((inputs,), stack), inputs)  # weights with a zero point have another kernel
        models.append(replace(made, weights={n: replace(w, zero_point=0) for n, w in made.weights.items()}))
    assert all("micronets_fully_connected_by8.c" in compile_model(m).files for m in models)
    assert_equals_reference(models)


def test_files_are_a_function_of_the_model(dense: QuantizedModel) -> None:
    compiled = compile_model(dense)
    assert compiled == compile_model(dense)
    assert sorted(compiled.files) == [
        *("CMakeLists.txt", "README.md", "example.c", "micronets_dot_by4.h", "micronets_dsp.h"),
        *(
            "micronets_fully_connected.c",
            "micronets_kernels.h",
            "micronets_limits.h",
            "micronets_requantize.h",
            "micronets_requantize_block.h",
            "micronets_target.h",
            "micronets_words.h",
        ),
        *("model.c", "model.h", "test_vector.h"),
    ]
    assert f"#define MICRONETS_MODEL_ARENA_BYTES {compiled.arena_bytes}\n" in compiled.files["model.h"]
    scales = next(iter(dense.weights.values())).scales.size
    tables = 16 + 4 * 4 + 4 * (4 if scales > 1 else 1)  # weights, biases, multipliers
    # sizes; what runs layers; for each layer which, and its sizes
    assert compiled.constant_bytes == tables + 36 + 4 + 2 * 5


def test_layers_are_announced(dense: QuantizedModel, tmp_path: Path) -> None:
    for name, text in compile_model(dense).files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "main.c").write_text(
        '#include "model.h"\n#include <stdio.h>\nstatic char arena[MICRONETS_MODEL_ARENA_BYTES];\n'
        'void announce(int i) { printf("%d ", i); }\nint main(void) { micronets_model_invoke(arena); return 0; }\n'
    )
    sources = [p for p in tmp_path.glob("*.c") if p.name != "example.c"]
    (tmp_path / "hook.h").write_text("void announce(int i);\n")
    hook = ("-include", str(tmp_path / "hook.h"), "-DMICRONETS_LAYER(i)=announce(i)")
    compile_c(sources, tmp_path / "run", hook)
    assert subprocess.run([tmp_path / "run"], capture_output=True, check=True).stdout == b"0 1 2 "


def test_bad_input_is_refused(dense: QuantizedModel) -> None:
    compiled = compile_model(dense)
    with pytest.raises(SpecError, match=r"the model takes int8 \[N, 4\], not float64 \[1, 4\]"):
        host.run_on_host(compiled, np.zeros((1, 4)))


def test_sums_beyond_32_bits_are_refused() -> None:
    weights = LayerWeights(np.full((1, 140_000), 127, np.int8), np.ones(1, np.float32), None)
    arch = Arch((140_000,), (layers.FullyConnected(name="fc", inputs=(INPUT,), units=1),))
    quant = {INPUT: TensorQuant(1.0, 0), "fc": TensorQuant(1.0, 0)}
    with pytest.raises(UnsupportedError, match="layer 'fc': sums of 140000 products may not fit 32 bits"):
        compile_model(QuantizedModel(arch, quant, {"fc": weights}))


def test_no_compiler_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DeviceError, match=r"no C compiler found .* pip install ziglang"):
        host_compiler()


def test_lines_of_the_generated_c_have_at_most_120_columns() -> None:
    """Where layers run whole and in patches, and for a layer with a long name of many words."""
    for seed in range(12):
        for limit in (None, 0):
            files = compile_model(random_model(random_arch(seed), seed), arena_limit=limit).files
            for name in ("model.c", "model.h", "example.c", "CMakeLists.txt"):
                assert max(map(len, files[name].splitlines())) <= 120, (seed, limit, name)
    long = layers.FullyConnected(name="a name of many words " * 12, inputs=(INPUT,), units=3)
    text = compile_model(random_model(Arch((4,), (long,)), 1)).files["model.c"]
    assert max(map(len, text.splitlines())) <= 120
