"""Models of other tools are named, with the way to make a `.tflite` of them, by every command that takes a model."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from micronets import tflite
from micronets.commands.import_model import float_network
from micronets.errors import FileError
from tests.support.calling import call

ROOT = Path(__file__).parents[2]
GIVEN = {
    "model.h5": ("a Keras model in HDF5, not a .tflite", "tf.lite.TFLiteConverter.from_keras_model"),
    "model.keras": ("a Keras model, not a .tflite", "tf.lite.TFLiteConverter.from_keras_model"),
    "model.onnx": ("an ONNX model, not a .tflite", "micronets import MODEL.onnx --calibrate DATA"),
    "model.pt": ("a PyTorch model, not a .tflite", "mn.from_torch(module, example) in Python, or torch.onnx.export"),
    "model.safetensors": ("weights without a network, not a .tflite", "build the network with its own program"),
    "model.ckpt": ("weights without a network, not a .tflite", "build the network with its own program"),
    "model.tf": ("weights without a network, not a .tflite", "build the network with its own program"),
    "model.pte": ("a program of ExecuTorch, not a .tflite", "mn.from_torch(module, example) in Python"),
    "model.mlmodel": ("a model of Core ML, not a .tflite", "take the model that it was made of"),
    "model.pb": ("a graph of TensorFlow, not a .tflite", "from_frozen_graph"),
    "saved": ("a SavedModel of TensorFlow, not a .tflite", "tf.lite.TFLiteConverter.from_saved_model"),
    "saved/saved_model.pb": ("the graph of a SavedModel", "tf.lite.TFLiteConverter.from_saved_model"),
}
COMMANDS = {
    "evaluate": (),
    "inspect": ("--board", "NUCLEO-F446RE"),
    "compile": ("--board", "NUCLEO-F446RE", "--out", "c"),
    "measure": ("--board", "NUCLEO-F446RE"),
}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "saved").mkdir()
    for name in GIVEN:
        if name != "saved":
            (tmp_path / name).write_bytes(b"whatever these tools write")
    return tmp_path


@pytest.mark.parametrize("name", GIVEN)
def test_a_model_of_another_tool_is_named_with_the_way_out(models: Path, name: str) -> None:
    with pytest.raises(FileError) as e:
        tflite.read_file(models / name)
    what, way = GIVEN[name]
    assert str(e.value).startswith(f"{models / name}: {what}")
    assert way in str(e.value)
    assert str(e.value).endswith("(docs/conversion.md)")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["model.h5", "saved"])
def test_every_command_says_so_in_one_line(
    models: Path, command: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    result = call(command, name, *COMMANDS[command])
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith(f"micronets: {name}: {GIVEN[name][0]}; convert it: ")


def test_what_a_file_holds_decides(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"\x89HDF\r\n\x1a\nand so on")
    with pytest.raises(FileError, match=r"a Keras model in HDF5, not a \.tflite"):
        tflite.read_file(tmp_path / "model.tflite")
    good = (ROOT / "zoo/kws_frontier/model.tflite").read_bytes()
    (tmp_path / "model.pt").write_bytes(good)
    assert tflite.read_file(tmp_path / "model.pt").content == good
    for names, what in ((("config.json", "metadata.json"), "a Keras model"), (("a/data.pkl",), "a PyTorch model")):
        with zipfile.ZipFile(tmp_path / "model.tflite", "w") as archive:
            for name in names:
                archive.writestr(name, "{}")
        with pytest.raises(FileError, match=rf"model\.tflite: {what}, not a \.tflite; convert it: "):
            tflite.read_file(tmp_path / "model.tflite")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS in place of the model; fetch the"),
        (b"\n<!DOCTYPE html><html>", "a page of the web in place of the model; download the file itself"),
        (
            b"#include <x.h>\nconst unsigned char g[] = {28};",
            "a model as text of C; give the .tflite that the text was",
        ),
        (b"", "an empty file; copy the model again"),
        (b"PK\3\4 and so on", "not a .tflite file: 14 bytes without the mark TFL3"),
    ],
)
def test_what_was_saved_in_place_of_a_model_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(FileError) as e:
        tflite.read_file(path)
    assert str(e.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize("model", ["saved", "model.safetensors", "model.h5"])
def test_what_reads_float_models_says_so_too(models: Path, model: str) -> None:
    from micronets.commands.first_network import network_in_file

    readers: tuple[Callable[[Path], object], ...] = (float_network, lambda path: network_in_file(path, "init"))
    for read in readers:
        with pytest.raises(FileError) as e:
            read(models / model)
        assert GIVEN[model][0] in str(e.value)


def test_a_directory_is_no_empty_file(tmp_path: Path) -> None:
    """The directory of a run is given easily in place of the model in it."""
    for command in (("evaluate",), ("inspect", "--board", "NUCLEO-F446RE"), ("import", "--out", "m.tflite")):
        assert f"{tmp_path}: a directory, not a .tflite" in call(command[0], str(tmp_path), *command[1:]).err
    (tmp_path / "model.tflite").touch()
    expected = f"{tmp_path}: a directory; give the model in it, {tmp_path / 'model.tflite'}"
    assert expected in call("evaluate", str(tmp_path)).err
