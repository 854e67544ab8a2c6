"""The functions behind the commands, called from Python: models and boards as values and by name, and wrong ones."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import micronets as mn
from micronets.device.tflm import interpreter
from micronets.errors import DataError, FileError, MicronetsError, SpecError, UserCodeError
from micronets.progress import Event
from micronets.quantized.random_weights import with_random_weights
from micronets.tasks.arrays.in_memory import arrays
from tests.support.own_space import GOOD
from tests.support.tiny_task import TinyTask, tiny_space

L = mn.layers
BOARD = "NUCLEO-F446RE"
RNG = np.random.default_rng(0)
X = RNG.normal(0, 1, (90, 8, 6))
Y = np.arange(90) % 3
X[np.arange(90), 2 * Y] += 2


def arch(units: int = 3, height: int = 8) -> mn.Arch:
    conv = L.Conv2D(name="conv", inputs=(mn.INPUT,), filters=4, kernel=(3, 3), activation="relu")
    pool = L.Mean(name="pool", inputs=("conv",))
    return mn.Arch((height, 6, 1), (conv, pool, L.FullyConnected(name="logits", inputs=("pool",), units=units)))


MODEL = with_random_weights(arch(), 1)


def test_a_model_by_path_and_by_value_is_the_same(tmp_path: Path) -> None:
    path = mn.write(MODEL, tmp_path / "m.tflite")
    for source in (path, str(path), MODEL, mn.read(path)):
        found = mn.inspect(source, BOARD)
        assert dataclasses.replace(found, model="") == dataclasses.replace(mn.inspect(MODEL, BOARD), model="")
        assert mn.compile(source, mn.load_board(BOARD), tmp_path / "c").arena_c_bytes == found.arena_c_bytes
    rows = mn.inspect(arch(), BOARD).rows()
    assert [r["name"] for r in rows] == ["conv", "pool", "logits"]
    assert [r.pop("weight_bits") for r in rows] == [8, None, 8]
    assert all(isinstance(v, (str, int, float, tuple)) for r in rows for v in r.values())


def test_rows_make_a_table_for_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas, which micronets does not depend on")
    table = pandas.DataFrame(mn.inspect(MODEL, BOARD).rows())
    assert list(table["name"]) == ["conv", "pool", "logits"]
    assert table["macs"].sum() == mn.inspect(MODEL, BOARD).macs


def test_a_model_is_run_by_every_runtime() -> None:
    codes = RNG.integers(-128, 128, (5, 8, 6, 1)).astype(np.int8)
    ours = mn.invoke(MODEL, codes)
    assert ours.dtype == np.int8
    assert np.array_equal(ours, mn.invoke(MODEL, codes, runtime="c"))
    real = mn.invoke(MODEL, RNG.normal(0, 1, (5, 8, 6, 1)))
    assert real.dtype == np.float32
    found = mn.tensors(MODEL, codes)
    assert list(found) == ["input", "conv", "pool", "logits"]
    assert np.array_equal(found["logits"], ours)
    if interpreter.available():
        theirs = mn.tensors(MODEL, codes, runtime="tflm")
        assert np.array_equal(mn.invoke(MODEL, codes, runtime="tflm"), ours)
        assert all(np.array_equal(values, found[name]) for name, values in theirs.items() if name in found)


INVOKED = {
    "shape": (lambda: mn.invoke(MODEL, np.zeros((8, 6, 1))), "x is float64 [8, 6, 1]; need numbers [N, 8, 6, 1]"),
    "nothing": (
        lambda: mn.invoke(MODEL, np.zeros((0, 8, 6, 1))),
        "x is float64 [0, 8, 6, 1]; need numbers [N, 8, 6, 1]",
    ),
    "text": (lambda: mn.invoke(MODEL, "x"), "x is <U1 []; need numbers [N, 8, 6, 1]"),
    "not finite": (lambda: mn.invoke(MODEL, np.full((1, 8, 6, 1), np.nan)), "x holds values that are not finite"),
    "runtime": (lambda: mn.invoke(MODEL, X[:1], runtime="tfm"), "--runtime tfm: did you mean 'tflm'? known: c, "),
    "tensors of C": (lambda: mn.tensors(MODEL, X[:1, :, :, None], runtime="c"), "runtime = c: keeps no tensors"),
    "model": (lambda: mn.invoke(3, X), "model is 3; need text, a path, a QuantizedModel or a ModelFile"),
    "file": (lambda: mn.read("none.tflite"), "none.tflite: cannot read this model (No such file or directory); give"),
    "board": (lambda: mn.inspect(MODEL, "NUCLEO-F446"), "unknown board 'NUCLEO-F446'; did you mean 'NUCLEO-F446RE'?"),
    "device": (lambda: mn.measure(MODEL, BOARD, "sims"), "device: unknown 'sims'; did you mean 'sim'?"),
    "measured runtime": (
        lambda: mn.measure(MODEL, BOARD, runtime="tfm"),
        "runtime: unknown 'tfm'; did you mean 'tflm'?",
    ),
    "place": (lambda: mn.write(MODEL, "/proc/none/m.tflite"), "/proc/none/m.tflite: cannot write this model ("),
    "configuration": (lambda: mn.run("none.toml"), "none.toml: cannot read this configuration (No such file or direc"),
    "task": (lambda: mn.load_data("kvs"), "unknown task 'kvs'; did you mean 'kws'?"),
}


@pytest.mark.parametrize("case", INVOKED)
def test_what_is_wrong_is_told(case: str) -> None:
    call, message = INVOKED[case]
    with pytest.raises(MicronetsError) as e:
        call()
    assert str(e.value).startswith(message)
    assert "\n" not in str(e.value)


def test_a_board_with_an_unknown_core_is_refused() -> None:
    board = dataclasses.replace(mn.load_board(BOARD), core="xtensa-lx7")
    with pytest.raises(SpecError, match="xtensa-lx7"):
        mn.inspect(MODEL, board)


def test_an_evaluation_counts_unequal_classes() -> None:
    y = np.repeat([0, 1, 2], [60, 26, 4])
    data = arrays(X, Y, x_test=X, y_test=y, classes=("a", "b", "c"))
    found = mn.evaluate(MODEL, data=data, runtime="reference")
    table, text = found.to_json(), found.text()
    assert table["class_counts"] == {"a": 60, "b": 26, "c": 4}
    assert table["metrics"]["balanced_accuracy"] == pytest.approx(
        np.mean([row[i] / sum(row) for i, row in enumerate(table["confusion"])])
    )
    assert f"(balanced {100 * table['metrics']['balanced_accuracy']:.2f} %)" in text.splitlines()[-1]
    assert "the classes are unequal, from 60 examples of 'a' to 4 of 'c'" in table["remarks"][0]
    assert all(f"remark: {remark}" in text.splitlines() for remark in table["remarks"])
    assert table["remarks"][-1] == "fewer than 5 examples of a class, which say little about it: 4 of 'c'"


def test_a_model_is_evaluated_on_data_in_memory() -> None:
    data = arrays(X, Y, classes=("a", "b", "c"))
    found = mn.evaluate(MODEL, data=data, runtime="reference")
    assert (found.samples, found.classes, found.task) == (9, ("a", "b", "c"), "features")
    other = dataclasses.replace(MODEL, metadata={"micronets.labels": '["a", "c", "b"]'})
    with pytest.raises(
        DataError, match=r"model: its labels are a, c, b, the data's classes a, b, c; give data of the same"
    ):
        mn.evaluate(other, data=data)
    with pytest.raises(
        DataError, match=r"model: its input is \(8, 6, 1\), the data's \(4, 6, 1\); give data of that shape"
    ):
        mn.evaluate(MODEL, data=arrays(X[:, :4], Y))
    with pytest.raises(SpecError, match="task = kws: is for data in files; leave it out with a data set in memory"):
        mn.evaluate(MODEL, "kws", data)
    with pytest.raises(UserCodeError, match="data: int is not a TaskData: it has no name, classes"):
        mn.evaluate(MODEL, data=3)  # type: ignore[arg-type]


def my_space() -> object:
    scope: dict[str, object] = {}
    exec(compile(GOOD, "my_space.py", "exec"), scope)
    return scope["my_space"]


def test_from_a_search_to_a_file(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    data, fast = arrays(X, Y), mn.SearchSettings(epochs=2, batch=16)
    said: list[Event] = []
    found = mn.search(my_space(), data, board=BOARD, fix={"width": 8}, settings=fast, progress=said.append)
    assert found.values["width"] == 8
    assert said[-1].stage == "search"
    again = mn.search(my_space(), data, board=BOARD, fix={"width": 8}, settings=fast, out=tmp_path / "search")
    assert again.values == found.values
    assert (tmp_path / "search/checkpoint.pt").exists()
    trained = mn.train(found, data, settings=mn.TrainSettings(epochs=2, qat_epochs=1, batch=16))
    model = mn.export(trained, tmp_path / "m.tflite", data)
    assert np.array_equal(mn.invoke(tmp_path / "m.tflite", X[:4, :, :, None]), mn.invoke(model, X[:4, :, :, None]))
    assert model.metadata["micronets.task"] == "features"
    with pytest.raises(SpecError, match=r"export: give the data too, .*: export\(trained, path, data\)"):
        mn.export(trained, tmp_path / "n.tflite")


def test_a_network_trained_in_float_is_quantised_afterwards() -> None:
    pytest.importorskip("torch")
    from micronets.design.predict import predict

    data = arrays(X, Y)
    trained = mn.train(arch(), data, settings=mn.TrainSettings(epochs=12, qat_epochs=0, batch=16, precision="fp32"))
    assert trained.quantised_score is None
    model = mn.quantise(trained, data)
    x = data.inputs("test", {})
    real, ours = predict(trained.net, x), mn.invoke(model, x)
    assert np.abs(real - ours).max() < 0.1 * np.abs(real).max()
    with pytest.raises(SpecError, match="batches = 0; need at least 1"):
        mn.quantise(trained, data, batches=0)
    with pytest.raises(SpecError, match=r"train: start_share = 0.5: .*, which qat_epochs = 0 leaves out; change one"):
        mn.train(arch(), data, settings=mn.TrainSettings(qat_epochs=0, start_share=0.5))
    with pytest.raises(SpecError, match=r"train: made_weight = 3: no examples are made on top of these data; leave it"):
        mn.train(arch(), data, settings=mn.TrainSettings(made_weight=3))


def test_settings_of_the_input_go_from_the_search_to_the_training() -> None:
    pytest.importorskip("torch")
    data = TinyTask()
    found = mn.search(
        tiny_space(), data, board=BOARD, fix={"frame_stride": 2}, settings=mn.SearchSettings(epochs=1, batch=64)
    )
    trained = mn.train(found, data, settings=mn.TrainSettings(epochs=1, qat_epochs=1, batch=64))
    assert trained.input_settings == {"frame_stride": 2}
    assert trained.net.arch.input_shape == data.input_shape({"frame_stride": 2})
    with pytest.raises(SpecError, match=r"the input of tiny has settings \(frame_stride\), .* give a SearchSpace"):
        mn.search(my_space(), data, board=BOARD)


def test_networks_and_data_that_do_not_go_together() -> None:
    pytest.importorskip("torch")
    data = arrays(X, Y)
    with pytest.raises(
        DataError, match=r"the network takes \(4, 6, 1\), the data give \(8, 6, 1\); change one of them"
    ):
        mn.train(arch(height=4), data)
    with pytest.raises(DataError, match=r"the network has an output of \(5,\), the data 3 classes; change one of them"):
        mn.train(arch(units=5), data)
    with pytest.raises(SpecError, match=r"space 'tiny': its networks take \(16, 8, 1\), the data give \(8, 6, 1\)"):
        mn.search(tiny_space(), data, board=BOARD)
    with pytest.raises(SpecError, match="options: the space 'tiny' is made already; give the function that makes it"):
        mn.search(tiny_space(), data, board=BOARD, options={"a": 1})
    with pytest.raises(SpecError, match="unknown space 'dscn'; did you mean 'dscnn'"):
        mn.search("dscn", data, board=BOARD)
    with pytest.raises(FileError, match=r"space = 'none.py:f': cannot read none\.py"):
        mn.search("none.py:f", data, board=BOARD)
    with pytest.raises(SpecError, match="space is 3; need text, a function, a Space or a SearchSpace"):
        mn.search(3, data, board=BOARD)  # type: ignore[arg-type]
    with pytest.raises(MicronetsError, match="macs"):
        mn.search("dscnn", data, board=BOARD, budget=mn.Budget(macs=1))
