"""Dense layers that a convolution's kernel computes: which do, with which kernel, and the same bytes."""

from micronets.boards.targets import DSP
from micronets.compiler import compile_model
from micronets.compiler.kernels.sharing import share
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Layer, Mean
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_model

SIDE = 20


def network(channels: int, kernel: int, filters: int, *, last: bool = True) -> Arch:
    """Returns a large convolution, then a small dense layer, as a matrix or as a convolution of one pixel."""
    layers: list[Layer] = [
        Conv2D(name="c", inputs=(INPUT,), filters=filters, kernel=(kernel, kernel), activation="relu"),
        Mean(name="m", inputs=("c",)),
        FullyConnected(name="d", inputs=("m",), units=3),
    ]
    return Arch((SIDE, SIDE, channels), tuple(layers if last else layers[:1]))


CASES = [(8, 1, 8), (8, 1, 7), (8, 3, 8), (8, 3, 6), (3, 3, 8), (3, 3, 9)]  # channels, kernel, filters
KERNELS = ["conv_1x1", "conv_1x1", "conv_c4", "conv", "conv", "conv"]


def test_outputs_equal_the_reference() -> None:
    models = [random_model(network(*case), i) for i, case in enumerate(CASES)]
    compiled = [compile_model(m) for m in models]
    assert_equals_reference(models, compiled=compiled, samples=3)
    for one, kernel in zip(compiled, KERNELS, strict=True):
        text = one.files["model.c"]
        assert f"run_{kernel}(" in text
        assert "&layer_2," in text
        assert "micronets_fully_connected.c" not in one.files


def test_only_small_ones_beside_convolutions_run_as_pointwise() -> None:
    arch = network(8, 3, 8)
    assert share(arch, DSP, "size").as_pointwise == {"d"}
    assert share(arch, DSP, "size").pointwise == "micronets_conv_c4"
    dense = Arch(
        (64,), (FullyConnected(name="a", inputs=(INPUT,), units=64), FullyConnected(name="b", inputs=("a",), units=1))
    )
    assert share(dense, DSP, "size").as_pointwise == frozenset()
    wide = Arch((2, 2, 8), (Conv2D(name="c", inputs=(INPUT,), filters=8, kernel=(1, 1)),
                            FullyConnected(name="d", inputs=("c",), units=8)))  # fmt: skip
    assert share(wide, DSP, "size").as_pointwise == frozenset()
