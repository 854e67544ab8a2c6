"""Quantisation after training: ranges, bias correction, the choice among ways, the report, and the command."""

import json
from pathlib import Path

import numpy as np
import pytest

from micronets import tflite
from micronets.errors import DataError, SpecError
from micronets.importers.calibrate import PtqSettings, checked_samples, post_training
from micronets.importers.float_tflite import read_float
from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork, FloatWeights, folded
from micronets.importers.quantise import quantised_network, simulated, tensor_quant, with_requantised_joins
from micronets.importers.ranges import Observed, observe
from micronets.installation import install
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Concatenation, FullyConnected, Logistic, Quantize, Tanh
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, quantize
from tests.importers.small_float import SHAPE, small_float_file
from tests.support.calling import call


def inputs(count: int = 60, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, *SHAPE)).astype(np.float32)


def network() -> FloatNetwork:
    return with_requantised_joins(folded(read_float(small_float_file())))


def test_ranges_of_a_histogram() -> None:
    counts = np.zeros(2048)
    counts[1024:1536] = 1000.0  # from 0 to 0.5 of -1 .. 1, and
    counts[0] = 1.0  # one value of -1
    seen = Observed(-1.0, 1.0, counts)
    assert seen.range("minmax") == (-1.0, 1.0)
    low, high = seen.range("percentile")
    assert low == pytest.approx(0, abs=1e-3)
    assert high == pytest.approx(0.5, abs=2e-3)
    low, high = seen.range("mse")
    assert -1.0 < low <= -0.3
    assert 0.45 < high < 0.55


def test_a_range_becomes_codes_in_which_zero_is_exact() -> None:
    quant = tensor_quant((-1.0, 3.0))
    assert quant.zero_point == -64
    assert quant.scale == pytest.approx(4 / 255)
    assert tensor_quant((0.5, 6.0)).zero_point == -128
    assert tensor_quant((0.0, 0.0)).scale > 0


def test_the_simulation_is_the_integer_model_but_for_single_codes() -> None:
    net, x = network(), inputs(40)
    ranges = {name: seen.range("minmax") for name, seen in observe(net, x, 16).items()}
    model = quantised_network(net, ranges)
    other, rounded = simulated(model)
    (found,) = execute(other, x, rounded).values()
    codes = reference.run(model, quantize(x, model.quant[INPUT]))
    real = dequantize(codes, model.quant[model.arch.output])
    assert np.abs(found - real).max() <= 3 / 256


def test_biases_are_shifted_by_the_mean_error_of_their_channel() -> None:
    net, x = network(), inputs(80)
    results = {}
    for correct in (False, True):
        model = post_training(net, x, PtqSettings("minmax", equalise="none", correct_bias=correct)).model
        coded, rounded = simulated(model)
        means: list[np.ndarray] = []
        for each, visit in ((net, None), (coded, rounded)):
            kept: dict[str, np.ndarray] = {}
            execute(each, x[::2], visit, lambda step, y, kept=kept: kept.setdefault(step.layer.name, y))  # type: ignore
            means.append(np.concatenate([kept[name].reshape(-1, kept[name].shape[-1]).mean(0) for name in kept]))
        results[correct] = np.abs(means[0] - means[1]).max()
    assert results[True] < 0.5 * results[False]


def test_the_best_way_is_chosen_and_told() -> None:
    made = post_training(network(), inputs(80))
    assert made.report is not None
    tried = made.report.tried
    assert len(tried) == 6  # three rules for ranges, two more ways to even out, and the biases
    assert made.report.chosen == tried[0]
    assert tried[0].snr_db == max(choice.snr_db for choice in tried)
    assert tried[0].snr_db > 20
    assert [e.name for e in made.report.layers] == [layer.name for layer in made.model.arch.layers]
    assert made.report.hurting[0] == min(made.report.layers, key=lambda e: e.alone_db).name
    assert made.report.agreement is not None
    assert made.report.agreement >= 0.9
    again = tflite.read(tflite.write(made.model))
    codes = quantize(inputs(5), made.model.quant[INPUT])
    np.testing.assert_array_equal(reference.run(again, codes), reference.run(made.model, codes))


def test_joins_of_fixed_scales_are_brought_to_one() -> None:
    rng = np.random.default_rng(0)
    layers = (
        FullyConnected(name="a", inputs=(INPUT,), units=4),
        Logistic(name="b", inputs=("a",)),
        Tanh(name="c", inputs=("a",)),
        Concatenation(name="d", inputs=("a", "b", "c"), axis=0),
    )
    weights = {"a": FloatWeights(rng.normal(0, 1, (4, 6)).astype(np.float32), np.zeros(4, np.float32))}
    net = FloatNetwork(Arch((6,), layers), weights)
    x = rng.normal(0, 1, (40, 6)).astype(np.float32)
    model = post_training(net, np.repeat(x, 2, axis=0), PtqSettings("minmax")).model  # both halves hold all
    assert [type(layer) for layer in model.arch.layers].count(Quantize) == 2
    codes = reference.run(model, quantize(x, model.quant[INPUT]))
    (want,) = execute(net, x).values()
    assert np.abs(dequantize(codes, model.quant["d"]) - want).max() < 0.1


WRONG = {
    "shape": (np.zeros((5, 3, 3)), r"have the shape \[5, 3, 3\]; need \[N, 12, 10, 3\]"),
    "one": (np.zeros((1, *SHAPE)), "give at least 2"),
    "texts": (np.full((5, *SHAPE), "a"), "give numbers"),
    "no number": (np.full((5, *SHAPE), np.nan), "no finite numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_inputs_that_cannot_be_used_are_named(name: str) -> None:
    x, text = WRONG[name]
    with pytest.raises(DataError, match=text):
        checked_samples(network(), x)


def test_an_unknown_rule_is_named_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean 'minmax'"):
        PtqSettings("minmx")  # type: ignore[arg-type]


def test_the_command_writes_a_model_and_tells_what_it_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("float.tflite").write_bytes(small_float_file())
    np.save("x.npy", inputs(60))
    np.savez("x.npz", x=inputs(60))
    told = call("import", "float.tflite", "--calibrate", "x.npy", "--out", "a.tflite", "--labels", "a,b,c,d")
    assert told.code == 0, told.err
    assert "layers that hurt most: " in told.out
    model = tflite.read(Path("a.tflite").read_bytes())
    assert model.metadata["micronets.labels"] == '["a", "b", "c", "d"]'
    options = ("--json", "--ranges", "mse", "--equalise", "none")
    told = json.loads(call("import", "float.tflite", "--calibrate", "x.npz", "--out", "b.tflite", *options).out)
    assert {(choice["ranges"], choice["equalise"]) for choice in told["report"]["tried"]} == {("mse", "none")}
    assert told["model"] == "b.tflite"
    assert call("inspect", "b.tflite", "--board", "NUCLEO-F446RE").code == 0


MISTAKES = {
    ("float.tflite",): "float.tflite: quantising it needs typical inputs; give them with --calibrate",
    ("float.tflite", "--calibrate", "none.npy"): "none.npy: there is no such file; give a .npy of inputs",
    ("float.tflite", "--calibrate", "bad.npy"): "bad.npy: damaged, or not an array of numbers",
    ("float.tflite", "--calibrate", "x.npy", "--labels", "a"): "4 outputs, but 1 label: a; name them with --labels",
    ("float.tflite", "--calibrate", "folder"): "folder: say how its examples become inputs, with --task",
    ("int8.tflite", "--calibrate", "x.npy"): "int8.tflite: is already quantised",
    ("model.h5", "--calibrate", "x.npy"): "model.h5: a Keras model in HDF5, not a .tflite",
    ("none.tflite", "--calibrate", "x.npy"): "none.tflite: cannot read this model",
    ("float.tflite", "--calibrate", "x.npy", "--examples", "1"): "examples = 1; allowed: 2 or more",
}


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_mistakes_are_one_line(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("float.tflite").write_bytes(small_float_file())
    Path("model.h5").write_bytes(b"whatever")
    Path("bad.npy").write_bytes(b"no array")
    Path("folder").mkdir()
    np.save("x.npy", inputs(4))
    zoo = Path(__file__).parents[2] / "zoo/kws_frontier/model.tflite"
    Path("int8.tflite").write_bytes(zoo.read_bytes())
    result = call("import", *words, "--out", "out.tflite")
    assert result.code == 2
    assert result.error.startswith(MISTAKES[words])
    assert not Path("out.tflite").exists()


def test_a_missing_onnx_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_bytes(b"whatever")
    monkeypatch.setattr("micronets.installation.find_spec", lambda package: None)
    result = call("import", tmp_path / "model.onnx", "--out", tmp_path / "out.tflite")
    assert result.code == 2
    assert result.error == f"this needs the package 'onnx': {install('onnx')}"
