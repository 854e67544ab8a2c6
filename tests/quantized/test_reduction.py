"""Sums, means, maxima and minima over any dimensions, from their shapes to the C."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.compiler.kernels.reduction import axis_groups
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Mean, ReduceMax, ReduceMin, Reduction, Sum
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import ModelFile, read, write
from micronets.tflite.codec import Op
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs, needs_tflm
from tests.support.random_models import random_input
from tests.support.small_file import FileLayer, FileTensor, small_file

KINDS: tuple[type[Reduction], ...] = (Mean, Sum, ReduceMax, ReduceMin)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
SHAPE = (5, 3, 4, 6)
AXES = [axes for n in range(1, 5) for axes in itertools.combinations(range(4), n)]


def network(kind: type[Reduction], axes: tuple[int, ...], keep_dims: bool) -> QuantizedModel:
    """Returns a network of one reduction of four dimensions, and what may stand behind it."""
    layer = kind(name="y", inputs=(INPUT,), axes=axes, keep_dims=keep_dims)
    source = TensorQuant(0.25, -20)
    target = source if kind in (ReduceMax, ReduceMin) else TensorQuant(0.5, 7)
    return QuantizedModel(Arch(SHAPE, (layer,)), {INPUT: source, "y": target}, {})


def cases(kind: type[Reduction]) -> list[QuantizedModel]:
    """Returns a network for all dimensions, with and without those that go; a tensor without dimensions is none."""
    return [network(kind, axes, keep) for axes in AXES for keep in (False, True) if keep or len(axes) < 4]


def test_values_by_hand() -> None:
    x = np.array([[[1, 5], [3, -7], [2, 8]]], np.int8)  # (3, 2)
    quant, coarse = TensorQuant(1.0, 0), TensorQuant(2.0, 10)

    def of(kind: type[Reduction], axes: tuple[int, ...], **more: bool) -> np.ndarray:
        target = coarse if kind in (Mean, Sum) else quant
        layer = kind(name="y", inputs=(INPUT,), axes=axes, **more)
        return reference.run(QuantizedModel(Arch((3, 2), (layer,)), {INPUT: quant, "y": target}, {}), x)[0]

    assert of(Sum, (0,)).tolist() == [13, 13]  # 6 / 2 + 10 twice
    assert of(Sum, (1,)).tolist() == [13, 8, 15]  # 6, -4 and 10
    assert of(Mean, (1,), keep_dims=True).tolist() == [[12], [9], [13]]  # 3, -2, 5: halves away from zero
    assert of(ReduceMax, (0,)).tolist() == [3, 8]
    assert of(ReduceMin, (0,), keep_dims=True).tolist() == [[1, -7]]


@needs_tflm
@each_kind
def test_all_axes_equal_tflm(kind: type[Reduction]) -> None:
    for model in cases(kind):
        data, x = write(model), random_input(model, 4, 0)
        theirs = interpreter.run(data, x, arena_bytes=1 << 16)
        assert np.array_equal(np.ravel(theirs), reference.run(model, x).ravel()), model.arch.layers
        assert read(data).arch == model.arch


@needs_tflm
@each_kind
@pytest.mark.parametrize(("axes", "keep_dims"), [((0, 1), True), ((2,), False), ((0, 2), True), ((1,), True)])
def test_a_network_runs_in_the_predicted_arena_and_not_in_a_smaller_one(
    kind: type[Reduction], axes: tuple[int, ...], keep_dims: bool
) -> None:
    layers = (
        Conv2D(name="a", inputs=(INPUT,), filters=6, kernel=(3, 3)),
        kind(name="y", inputs=("a",), axes=axes, keep_dims=keep_dims),
        FullyConnected(name="b", inputs=("y",), units=4),
    )
    model = with_random_weights(Arch((12, 10, 3), layers), 1)
    predicted = arena_tflm_bytes(model.arch)
    assert 0 <= predicted - interpreter.min_arena(write(model), predicted) <= 16


def test_the_c_equals_the_reference() -> None:
    """All dimensions are outputs of one network, for each kind."""
    models = []
    for kind in KINDS:
        layers = {f"y{k}": replace(m.arch.layers[0], name=f"y{k}") for k, m in enumerate(cases(kind))}
        one = cases(kind)[0]
        arch = Arch(SHAPE, tuple(layers.values()), output_names=tuple(layers))
        models.append(QuantizedModel(arch, {INPUT: one.quant[INPUT], **dict.fromkeys(layers, one.quant["y"])}, {}))
    assert_equals_reference(models)


def test_neighbours_count_as_one_dimension() -> None:
    assert [(r.size, r.step, r.goes) for r in axis_groups((5, 3, 4, 6), (1, 2))] == [
        (5, 72, False),
        (12, 6, True),
        (6, 1, False),
    ]
    assert [(r.size, r.step, r.goes) for r in axis_groups((1, 7, 1, 6), (0, 2, 3))] == [(7, 6, False), (6, 1, True)]
    assert axis_groups((1, 1), (0,)) == ()


@pytest.mark.parametrize("op", [Op.MEAN, Op.SUM, Op.REDUCE_MAX])
def test_without_axes_every_value_is_reduced_alone(op: Op) -> None:
    scale = 0.05 if op == Op.REDUCE_MAX else 0.1
    none = FileTensor((0,), np.zeros(0, np.int32))
    tensors = [FileTensor((1, 4)), FileTensor((1, 4), scale=scale), none]
    data = small_file(tensors, [FileLayer(op, (0, 2), (1,))], [0], [1])
    model, x = read(data), np.array([[-40, -30, 3, 10]], np.int8)
    want = x if op == Op.REDUCE_MAX else [[-18, -13, 3, 7]]  # (x - 3) / 2 + 3, halves away from zero
    assert np.array_equal(reference.run(model, x), want)
    if interpreter.available():
        assert np.array_equal(interpreter.run(data, x), want)
        assert ModelFile("m", data, model).arena_tflm_bytes(8) == interpreter.min_arena(data, 1376)


def test_what_cannot_be() -> None:
    for axes in ((3,), (), (1, 0), (-1,), (0, 0)):
        with pytest.raises(SpecError, match=r"layer 'y': axes = .*; need different dimensions of \(4, 2, 6\)"):
            Arch((4, 2, 6), (Sum(name="y", inputs=(INPUT,), axes=axes),))
    layer = ReduceMin(name="y", inputs=(INPUT,), axes=(0, 2, 4, 6), keep_dims=True)
    quant = TensorQuant(0.5, 0)
    model = QuantizedModel(Arch((2,) * 7, (layer,)), {INPUT: quant, "y": quant}, {})
    with pytest.raises(UnsupportedError, match="at most 3 groups of neighbouring axes are supported"):
        compile_model(model)
    layer = ReduceMax(name="y", inputs=(INPUT,), axes=(0,))
    model = QuantizedModel(Arch((4, 5), (layer,)), {INPUT: quant, "y": TensorQuant(0.5, 1)}, {})
    with pytest.raises(SpecError, match="TFLM's REDUCE_MAX takes tensors of one scale and zero point"):
        write(model)


@each_kind
def test_the_torch_network_computes_it(kind: type[Reduction]) -> None:
    torch = needs("torch", "design")
    from micronets.design.net import Net

    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32)
    function = {Mean: np.mean, Sum: np.sum, ReduceMax: np.max, ReduceMin: np.min}[kind]
    for axes, keep_dims in (((0, 1), False), ((0, 1), True), ((1,), False), ((0, 2), True)):
        layer = kind(name="y", inputs=(INPUT,), axes=axes, keep_dims=keep_dims)
        found = Net(Arch((4, 5, 3), (layer,))).eval()(torch.from_numpy(x)).numpy()
        wanted = function(x, axis=tuple(a + 1 for a in axes), keepdims=keep_dims)
        assert np.allclose(found.ravel(), wanted.ravel(), atol=1e-5)
