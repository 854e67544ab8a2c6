"""A finished model in a file teaches: it sees the same part of each picture, through its own front end."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets import tasks, tflite
from micronets.commands.teacher import check_teacher, teacher_of_file
from micronets.errors import FileError, MicronetsError
from micronets.frontend.image import ImageFrontEnd
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Mean, Softmax
from micronets.quantized.model import TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tasks.base import Card
from micronets.tasks.images.data import ImageData
from micronets.tasks.images.settings import ImageAugmentation
from micronets.tasks.views import view_of
from tests.importers.small_float import small_float_file
from tests.support.stateful import counter
from tests.support.toy_task import Toy

EVERYTHING = ImageAugmentation(
    zoom=(0.6, 1.1), aspect=1.3, brightness=0.3, contrast=0.3, saturation=0.4, erase=0.5, shift=0.1
)
ROWS = torch.arange(8)
STUDENT = {"resolution": 16, "colour": 3}
LABELS = ("person", "non_person")  # not in the order of the data


def pictures(augmentation: ImageAugmentation = EVERYTHING) -> ImageData:
    data = tasks.load("vww", None, kept=16, synthetic_images=40, augmentation=augmentation)
    assert isinstance(data, ImageData)
    return data


def generator() -> "torch.Generator":
    return torch.Generator().manual_seed(3)


def model_file(
    path: Path, front_end: ImageFrontEnd | None, labels: tuple[str, ...] = LABELS, shape: tuple[int, ...] = (12, 12, 1)
) -> Path:
    layers = (
        Conv2D(name="a", inputs=(INPUT,), filters=8, kernel=(3, 3), stride=(2, 2), activation="relu"),
        Mean(name="b", inputs=("a",)),
        FullyConnected(name="c", inputs=("b",), units=2),
        Softmax(name="d", inputs=("c",)),
    )
    texts = {"micronets.labels": json.dumps(labels)}
    texts |= {} if front_end is None else {"micronets.frontend": front_end.to_json()}
    model = with_random_weights(Arch(shape, layers), 1)
    quant = {**model.quant, INPUT: TensorQuant(1 / 255, -128)}
    path.write_bytes(tflite.write(replace(model, quant=quant, metadata=texts)))
    return path


def seen_by(data: ImageData, front_end: ImageFrontEnd, settings: Mapping[str, int] = STUDENT) -> np.ndarray:
    card = Card(data.classes, front_end.to_json(), front_end.input_shape, "teacher")
    found: np.ndarray = view_of(data, card, settings)(ROWS, generator()).numpy()
    return found


@pytest.mark.parametrize("colour", [1, 3])
def test_through_the_same_front_end_a_teacher_sees_what_the_network_sees(colour: int) -> None:
    data, settings = pictures(), {"resolution": 12, "colour": colour}
    own = data.frontend.with_settings(settings)
    assert np.array_equal(seen_by(data, own, settings), data.augmented(ROWS, settings, generator()).numpy())


@pytest.mark.parametrize(("colour", "other"), [(3, 1), (1, 3)])
def test_in_other_colours_it_sees_the_same_disturbances(colour: int, other: int) -> None:
    """A saturation that only one of them drew would shift all random numbers behind it."""
    data, settings = pictures(), {"resolution": 16, "colour": colour}
    network = data.augmented(ROWS, settings, generator()).numpy() * 128 + 128
    teacher = seen_by(data, ImageFrontEnd(resolution=16, colour=other, input_mean=0, input_scale=255), settings) * 255
    luma = np.array([0.2989, 0.587, 0.114], np.float32)
    gray = [x @ luma if x.shape[3] == 3 else x[..., 0] for x in (network, teacher)]
    assert np.median(np.abs(gray[0] - gray[1])) < 2
    assert np.corrcoef(gray[0].ravel(), gray[1].ravel())[0, 1] > 0.98


def test_at_another_size_and_scale_it_sees_the_same_part() -> None:
    data = pictures(replace(EVERYTHING, erase=0))
    large = data.augmented(ROWS, STUDENT, generator()).numpy() * 128 + 128
    small = seen_by(data, ImageFrontEnd(resolution=8, input_mean=0, input_scale=255, filter="box")) * 255
    assert small.shape == (8, 8, 8, 3)
    halved = large.reshape(8, 8, 2, 8, 2, 3).mean((2, 4))
    assert np.corrcoef(small.ravel(), halved.ravel())[0, 1] > 0.97


def test_the_outputs_come_in_the_order_of_the_data(tmp_path: Path) -> None:
    data = pictures()
    front_end = ImageFrontEnd(resolution=12, colour=1, input_mean=0, input_scale=255)
    turned = teacher_of_file(model_file(tmp_path / "a.tflite", front_end), data, STUDENT)
    straight = teacher_of_file(model_file(tmp_path / "b.tflite", front_end, data.classes), data, STUDENT)
    named = teacher_of_file(model_file(tmp_path / "c.tflite", None, data.classes), data, STUDENT, "micronet-vww")
    assert data.classes == LABELS[::-1]
    with torch.no_grad():
        outputs = [t.net(t.view(ROWS, generator())) for t in (turned, straight, named)]
    assert outputs[0].shape == (8, 2)
    assert torch.equal(outputs[0], outputs[1].flip(1))
    assert not torch.equal(outputs[0], outputs[1])
    assert torch.allclose(outputs[1], outputs[2], atol=0.5)  # another filter


def test_other_data_show_a_teacher_the_inputs_of_the_network(tmp_path: Path) -> None:
    data = Toy()
    layers = (FullyConnected(name="a", inputs=(INPUT,), units=3),)
    path = tmp_path / "toy.tflite"
    path.write_bytes(tflite.write(with_random_weights(Arch((8, 4, 1), layers), 1)))
    teacher = teacher_of_file(path, data, {})
    assert torch.equal(teacher.view(ROWS, generator()), data.augmented(ROWS, {}, generator()))
    path.write_bytes(tflite.write(with_random_weights(Arch((8, 5, 1), layers), 1)))
    with pytest.raises(MicronetsError, match=r"its input is \(8, 5, 1\), the network's \(8, 4, 1\); fix the input"):
        teacher_of_file(path, data, {})


def test_a_front_end_of_another_sound_is_refused() -> None:
    class Sound(Toy):
        def metadata(self, settings: Mapping[str, int]) -> dict[str, str]:
            return {"micronets.task": "toy", "micronets.frontend": '{"n_mels": 4, "hop_ms": 20}'}

    data, shape = Sound(), (8, 4, 1)
    view = view_of(data, Card(data.classes, '{"hop_ms": 20, "n_mels": 4}', shape, "x"), {})
    assert torch.equal(view(ROWS, generator()), data.augmented(ROWS, {}, generator()))
    view_of(data, Card(data.classes, '{"hop_ms": 20, "n_mels": 4, "arithmetic": "integer"}', shape, "x"), {})
    with pytest.raises(MicronetsError, match="x: has another front end than the network; for task toy both get the"):
        view_of(data, Card(data.classes, '{"hop_ms": 10, "n_mels": 4}', shape, "x"), {})


def test_what_cannot_teach_is_refused_in_one_line(tmp_path: Path) -> None:
    data = pictures()
    missing = tmp_path / "none.tflite"
    with pytest.raises(FileError, match=r"none.tflite': cannot read it \(No such file or directory\); give the path"):
        check_teacher(missing, data)
    small = tmp_path / "small.tflite"
    small.write_bytes(small_float_file())
    with pytest.raises(MicronetsError, match=r"small.tflite': has 4 outputs, the data 2 classes; need a model of the"):
        check_teacher(small, data)
    with pytest.raises(MicronetsError, match=r"carries no front end; name one with teacher.front_end: mlperf-ic, "):
        check_teacher(model_file(tmp_path / "a.tflite", None), data)
    with pytest.raises(MicronetsError, match=r"its input is \(12, 12, 1\), the front end gives \(12, 12, 3\)"):
        check_teacher(model_file(tmp_path / "b.tflite", ImageFrontEnd(resolution=12)), data)
    with pytest.raises(MicronetsError, match="its labels are cat, person, without 'non_person' of the data"):
        check_teacher(model_file(tmp_path / "c.tflite", ImageFrontEnd(resolution=12), ("cat", "person")), data)
    stateful = tmp_path / "stateful.tflite"
    stateful.write_bytes(tflite.write(counter()))
    with pytest.raises(MicronetsError, match="keeps a state between inputs"):
        check_teacher(stateful, data)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"TFL3" * 10)
    with pytest.raises(FileError, match=r"teacher.model = '"):
        check_teacher(damaged, data)
