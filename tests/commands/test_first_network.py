"""A trained model from a file is trained on: its weights, its outputs by the names of classes, and what is refused."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import micronets as mn
from micronets.commands.first_network import first_network, first_weights, with_outputs
from micronets.errors import DataError, FileError, UnsupportedError
from micronets.importers.dequantised import dequantised
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.tasks.arrays.in_memory import arrays
from tests.support.needs import needs

torch = needs("torch", "design")

L = mn.layers
RNG = np.random.default_rng(0)
X = RNG.normal(0, 1, (90, 8, 6, 1)).astype(np.float32)
LETTERS = ("a", "b", "c")


def model(labels: Sequence[str] | None = LETTERS, outputs: int = 3) -> QuantizedModel:
    """Returns a model with a Softmax at its end that tells its labels apart by random weights."""
    layers = (
        L.Conv2D(name="conv", inputs=(mn.INPUT,), filters=4, kernel=(3, 3), activation="relu"),
        L.DepthwiseConv2D(name="dw", inputs=("conv",), kernel=(3, 3), activation="relu"),
        L.Mean(name="pool", inputs=("dw",)),
        L.FullyConnected(name="logits", inputs=("pool",), units=outputs),
        L.Softmax(name="probabilities", inputs=("logits",)),
    )
    metadata = {} if labels is None else {"micronets.labels": json.dumps(labels)}
    return replace(with_random_weights(mn.Arch((8, 6, 1), layers), 1), metadata=metadata)


def data(classes: Sequence[str] = LETTERS) -> mn.TaskData:
    return arrays(X, np.arange(len(X)) % len(classes), classes=tuple(classes), standardise=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return mn.write(model(), tmp_path / "old.tflite")


def logits(trained: mn.TrainResult, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found: np.ndarray = trained.net(torch.from_numpy(x)).numpy()
    return found


def test_the_network_computes_what_the_file_does_before_it_is_trained(file: Path) -> None:
    learnt = mn.train(file, data(), settings=mn.TrainSettings(epochs=0, qat_epochs=0, batch=16))
    probabilities = np.exp(logits(learnt, X))
    probabilities /= probabilities.sum(1, keepdims=True)
    theirs = mn.invoke(file, X)
    assert theirs.std(0).max() > 0.02
    np.testing.assert_allclose(probabilities, theirs, atol=0.04)  # the rounding of 8 bits


def test_outputs_keep_their_weights_by_the_name_of_their_class(file: Path) -> None:
    first = first_network(file, data(("c", "new", "a")))
    old = dequantised(model()).weights["logits"]
    made = first.network.weights["logits"]
    assert (first.new, first.network.arch.output_shape) == (("new",), (3,))
    np.testing.assert_array_equal(made.kernel[[0, 2]], old.kernel[[2, 0]])
    np.testing.assert_array_equal(made.bias, [old.bias[2], (old.bias[2] + old.bias[0]) / 2, old.bias[0]])
    assert not made.kernel[1].any()
    assert first.notes == (
        f"{file}: new outputs for new; 2 outputs kept",
        f"{file}: outputs without a class in the data left out: b",
    )
    assert first_network(file, data()).notes == ()


def test_more_classes_are_learnt_on_the_old_trunk(file: Path) -> None:
    """Classes that the trunk can tell apart: random features suffice, since each class is a pattern of its own."""
    classes = ("a", "b", "c", "d", "e")
    patterns = RNG.normal(0, 2, (5, 8, 6, 1))
    y = np.arange(200) % 5
    x = (patterns[y] + 0.2 * RNG.normal(0, 1, (200, 8, 6, 1))).astype(np.float32)
    fresh = arrays(x, y, classes=classes, standardise=False)
    notes: list[str] = []
    settings = mn.TrainSettings(epochs=10, qat_epochs=1, batch=16, lr=0.02, qat_lr=1e-3)
    learnt = mn.train(file, fresh, settings=settings, progress=lambda event: notes.append(getattr(event, "note", "")))
    assert f"{file}: new outputs for d, e; 3 outputs kept" in notes
    found = mn.evaluate(mn.quantise(learnt, fresh), data=fresh, runtime="reference")
    assert found.value > 0.7
    assert found.classes == classes


def test_a_file_without_labels(tmp_path: Path) -> None:
    path = mn.write(model(None), tmp_path / "m.tflite")
    same = first_network(path, data())
    assert same.notes == (f"{path} has no names for its outputs; they are taken for the classes in order",)
    np.testing.assert_array_equal(same.network.weights["logits"].kernel, dequantised(model()).weights["logits"].kernel)
    other = first_network(path, data(("a", "b")))
    assert other.new == ("a", "b")
    assert not other.network.weights["logits"].kernel.any()
    assert not other.network.weights["logits"].bias.any()


def test_another_front_end_is_told(tmp_path: Path) -> None:
    own = json.loads(data().metadata({})["micronets.frontend"])
    changed = {**own, next(iter(own)): "another"}
    marked = replace(model(), metadata={**model().metadata, "micronets.frontend": json.dumps(changed)})
    path = mn.write(marked, tmp_path / "m.tflite")
    key = next(iter(own))
    assert first_network(path, data()).notes == (
        f'{path} was trained on another front end: {key} "another", now {json.dumps(own[key])}; training continues '
        "with "
        "that of the data",
    )


def test_the_outputs_of_a_convolution_and_a_reshape_can_be_others() -> None:
    layers = (
        L.Conv2D(name="conv", inputs=(mn.INPUT,), filters=4, kernel=(3, 3), activation="relu"),
        L.AveragePool2D(name="pool", inputs=("conv",), pool=(8, 6), stride=(8, 6)),
        L.Conv2D(name="logits", inputs=("pool",), filters=3, kernel=(1, 1)),
        L.Reshape(name="flat", inputs=("logits",), shape=(3,)),
    )
    network = dequantised(with_random_weights(mn.Arch((8, 6, 1), layers), 2))
    changed = with_outputs(network, (2, None), "m.tflite")
    assert changed.arch.output_shape == (2,)
    np.testing.assert_array_equal(changed.weights["logits"].kernel[0], network.weights["logits"].kernel[2])
    assert set(first_weights(changed, data(("a", "b")), {})) >= {"layers.logits.weight", "layers.logits.bn.bias"}


def test_what_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.tflite: cannot read it \(No such file or directory\); give the path"):
        mn.train("none.tflite", data())
    wide = arrays(X.repeat(2, 1), np.arange(90) % 3, classes=LETTERS)
    with pytest.raises(
        DataError, match=r"old\.tflite: its network takes \(8, 6, 1\), the data give \(16, 6, 1\); give"
    ):
        mn.train(file, wide)
    layers = (
        L.Conv2D(name="conv", inputs=(mn.INPUT,), filters=3, kernel=(3, 3)),
        L.Mean(name="pool", inputs=("conv",)),
    )
    path = mn.write(with_random_weights(mn.Arch((8, 6, 1), layers)), tmp_path / "mean.tflite")
    with pytest.raises(UnsupportedError, match=r"mean\.tflite: its outputs are made by Mean; only those of a FullyC"):
        mn.train(path, data(("a", "b")))
