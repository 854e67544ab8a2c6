"""ONNX models become networks that compute the same: exported by torch, and made operator by operator."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.needs import needs

onnx = needs("onnx", "onnx")

from micronets import tflite
from micronets.errors import FileError, UnsupportedError
from micronets.importers.calibrate import as_it_is, post_training
from micronets.importers.interpreter import execute
from micronets.importers.network import folded
from micronets.importers.onnx_file import read_onnx
from micronets.ir.layers import Conv2D, DepthwiseConv2D, FullyConnected, Pad, Transpose
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, quantize
from tests.support.calling import call

RNG = np.random.default_rng(0)


def saved(
    tmp_path: Path, nodes: list, shape: tuple[int, ...], constants: dict[str, np.ndarray], opset: int = 17
) -> Path:
    """Writes a model whose input is "x" and whose output is "y", and returns its path."""
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [info("x", onnx.TensorProto.FLOAT, ["n", *shape])],
        [info("y", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    path = tmp_path / "model.onnx"
    onnx.save(model, str(path))
    return path


def expected(path: Path, x: np.ndarray) -> np.ndarray:
    """Returns what ONNX's own reference evaluator computes, one input at a time."""
    evaluator = onnx.reference.ReferenceEvaluator(str(path))
    return np.concatenate([evaluator.run(None, {"x": one[None]})[0] for one in x])


def check(path: Path, shape: tuple[int, ...]) -> Any:
    """Compares the network of a file with the reference evaluator, and returns it folded."""
    import onnx.reference  # noqa: F401 -- a module of its own

    network = folded(read_onnx(path))
    x = RNG.normal(0, 1, (3, *shape)).astype(np.float32)
    given = x
    if network.channels_first:
        given = np.moveaxis(x, 1, -1).reshape(3, *network.arch.input_shape)
    (found,) = execute(network, np.ascontiguousarray(given)).values()
    want = expected(path, x)
    np.testing.assert_allclose(found.reshape(want.shape), want, atol=1e-4)
    return network


def f(*shape: int, scale: float = 0.3) -> np.ndarray:
    return RNG.normal(0, scale, shape).astype(np.float32)


def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    return onnx.helper.make_node(kind, inputs.split(), output.split(), **attributes)


def test_a_network_with_a_flattened_map(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x w b", "c", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c g h m v", "n"),
        node("Relu", "n", "r"),
        node("Conv", "r d", "e", group=4, pads=[1, 1, 1, 1]),
        node("Clip", "e zero six", "p"),
        node("Add", "p r", "s"),
        node("MaxPool", "s", "q", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "q", "t"),
        node("Gemm", "t k j", "z", transB=1),
        node("Softmax", "z", "y", axis=1),
    ]
    constants = {
        "w": f(4, 3, 3, 3), "b": f(4), "g": 1 + f(4), "h": f(4), "m": f(4), "v": 1 + np.abs(f(4)), "d": f(4, 1, 3, 3),
        "zero": np.float32(0), "six": np.float32(6), "k": f(5, 4 * 3 * 2), "j": f(5),
    }  # fmt: skip
    network = check(saved(tmp_path, nodes, (3, 12, 8), constants), (3, 12, 8))
    kinds = [type(layer) for layer in network.arch.layers]
    assert kinds.count(Conv2D) == 1
    assert kinds.count(DepthwiseConv2D) == 1
    assert kinds.count(FullyConnected) == 1
    assert Transpose not in kinds  # the flattened map is put in order by the weights
    assert kinds.count(Pad) == 1  # SAME pads an even map by nothing in front
    assert network.channels_first


def test_sequences_sums_and_slices(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x w", "c", dilations=[2], pads=[4, 0]),
        node("Slice", "c from to axis", "s"),
        node("Sigmoid", "s", "a"),
        node("Mul", "a s", "u"),
        node("Concat", "u s", "j", axis=1),
        node("Transpose", "j", "t", perm=[0, 2, 1]),
        node("MatMul", "t k", "z"),
        node("ReduceMean", "z", "y", axes=[1], keepdims=0),
    ]
    constants = {
        "w": f(6, 5, 3), "from": np.array([1]), "to": np.array([11]), "axis": np.array([2]), "k": f(12, 4),
    }  # fmt: skip
    check(saved(tmp_path, nodes, (5, 12), constants), (5, 12))


def test_channels_are_shuffled_and_split(tmp_path: Path) -> None:
    nodes = [
        node("Reshape", "x five", "r"),
        node("Transpose", "r", "t", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "t four", "u"),
        node("Split", "u", "a b", axis=1),
        node("GlobalAveragePool", "a", "c"),
        node("Mul", "b c", "d"),
        node("Sub", "d k", "y"),
    ]
    constants = {"five": np.array([0, 2, 4, 6, 5]), "four": np.array([0, 8, 6, 5]), "k": f(4, 1, 1)}
    check(saved(tmp_path, nodes, (8, 6, 5), constants), (8, 6, 5))


def test_a_model_that_torch_exports(tmp_path: Path) -> None:
    torch = needs("torch", "design")
    pytest.importorskip("onnxscript", reason="needs onnxscript, which torch.onnx.export takes")
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU6(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 4),
    ).eval()
    path = tmp_path / "torch.onnx"
    torch.onnx.export(module, (torch.zeros(1, 3, 8, 8),), str(path), input_names=["x"])
    network = folded(read_onnx(path))
    x = RNG.normal(0, 1, (3, 3, 8, 8)).astype(np.float32)
    (found,) = execute(network, np.ascontiguousarray(np.moveaxis(x, 1, -1))).values()
    np.testing.assert_allclose(found, module(torch.tensor(x)).detach().numpy(), atol=1e-4)
    model = post_training(network, np.repeat(x, 8, axis=0)).model
    assert tflite.read(tflite.write(model)).arch.input_shape == (8, 8, 3)


def quantised_model(tmp_path: Path) -> Path:
    """Writes a convolution and a matrix product between QuantizeLinear and DequantizeLinear."""
    nodes = [
        node("QuantizeLinear", "x xs xz", "xq"),
        node("DequantizeLinear", "xq xs xz", "xd"),
        node("DequantizeLinear", "w ws wz", "wd", axis=0),
        node("DequantizeLinear", "b bs", "bd"),
        node("Conv", "xd wd bd", "c", pads=[1, 1, 1, 1]),
        node("Relu", "c", "r"),
        node("QuantizeLinear", "r rs rz", "rq"),
        node("DequantizeLinear", "rq rs rz", "rd"),
        node("GlobalAveragePool", "rd", "p"),
        node("QuantizeLinear", "p ps rz", "pq"),
        node("DequantizeLinear", "pq ps rz", "y"),
    ]
    ws = np.array([0.01, 0.02, 0.015, 0.03], np.float32)
    constants = {
        "xs": np.float32(0.02), "xz": np.uint8(130), "w": RNG.integers(-90, 90, (4, 3, 3, 3)).astype(np.int8), "ws": ws,
        "wz": np.zeros(4, np.int8), "b": np.array([100, -50, 20, 7], np.int32), "bs": np.float32(0.001),
        "rs": np.float32(0.04), "rz": np.uint8(0), "ps": np.float32(0.01),
    }  # fmt: skip
    return saved(tmp_path, nodes, (3, 6, 6), constants, opset=21)


def test_a_quantised_model_keeps_its_codes_and_scales(tmp_path: Path) -> None:
    import onnx.reference

    path = quantised_model(tmp_path)
    network = read_onnx(path)
    model = as_it_is(network).model
    assert model.quant["input"].zero_point == 130 - 128
    assert model.quant["input"].scale == pytest.approx(0.02)
    assert model.quant[model.arch.output].scale == pytest.approx(0.01)
    first = model.weights[model.arch.layers[0].name]
    np.testing.assert_allclose(first.scales, [0.01, 0.02, 0.015, 0.03])
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(str(path)).graph.initializer}
    np.testing.assert_array_equal(first.weights, stored["w"].transpose(0, 2, 3, 1))
    x = RNG.normal(0, 1, (6, 3, 6, 6)).astype(np.float32)
    codes = reference.run(model, quantize(np.moveaxis(x, 1, -1), model.quant["input"]))
    real = dequantize(codes, model.quant[model.arch.output])
    want = expected(path, x).reshape(real.shape)
    assert np.abs(real - want).max() <= 0.0101  # a code: the file rounds before and after the mean


def test_the_command_imports_both_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = quantised_model(tmp_path)
    monkeypatch.chdir(tmp_path)
    told = call("import", path, "--out", "a.tflite")
    assert told.code == 0, told.err
    assert told.out == "a.tflite: with the scales of the file\n"
    saved(tmp_path, [node("Conv", "x w", "c"), node("Relu", "c", "y")], (3, 6, 6), {"w": f(4, 3, 3, 3)})
    np.save("x.npy", f(20, 3, 6, 6, scale=1))
    told = call("import", "model.onnx", "--out", "b.tflite", "--calibrate", "x.npy")
    assert told.code == 0, told.err
    for name in ("a.tflite", "b.tflite"):
        assert call("inspect", name, "--board", "NUCLEO-F446RE").code == 0
    assert call("import", "model.onnx", "--out", "c.tflite").error.startswith("model.onnx: quantising it needs typical")


def test_what_cannot_be_imported_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path, [node("Cos", "x", "a"), node("Sin", "a", "y")], (3, 4, 4), {})
    with pytest.raises(UnsupportedError, match=r"operators that are not supported: Cos, Sin; docs/conversion.md"):
        read_onnx(path)
    (tmp_path / "bad.onnx").write_bytes(b"\xff\x00 no model")
    with pytest.raises(FileError, match=r"bad\.onnx: damaged, or no ONNX model"):
        read_onnx(tmp_path / "bad.onnx")
    nodes = [node("Conv", "x w", "a"), node("MaxPool", "a", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)]
    path = saved(tmp_path, nodes, (3, 8, 8), {"w": f(4, 3, 1, 1)})
    with pytest.raises(UnsupportedError, match=r"MaxPool 'y'.*a maximum with the padding"):
        read_onnx(path)
