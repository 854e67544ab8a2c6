"""`train`, `quantise`, `export`: from an architecture to a `.tflite`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from micronets import tflite
from micronets.design.train_settings import TrainSettings
from micronets.errors import CheckFailed, DataError, FileError, SpecError
from micronets.files import write_atomic
from micronets.ir.arch import Arch
from micronets.progress import Progress
from micronets.quantized.model import QuantizedModel
from micronets.tasks import TaskData
from micronets.tasks.own import check_data

if TYPE_CHECKING:
    from micronets.design.dnas import SearchResult
    from micronets.design.train import TrainResult


def train(
    network: Arch | SearchResult,
    data: TaskData,
    *,
    settings: TrainSettings | None = None,
    input_settings: Mapping[str, int] | None = None,
    teacher: TrainResult | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Trains a network, in float and then with quantisation simulated, and keeps the best epoch of each stage.

    - network: an architecture, or what a search found: its training then starts from the weights of the search.
    - data: what it is to learn; it is chosen by the validation split.
    - settings: epochs, learning rates and the rest; `qat_epochs=0` trains in float alone.
    - input_settings: of the data, where these have any; None: those of the search, else none.
    - teacher: a trained network of the same input and outputs, from whose outputs it learns too.
    - seed: of first weights, order and disturbance of examples.
    - out: a directory for checkpoints, from which a training that was interrupted goes on; None: there are none.
    - progress: is told stage, step, steps, seconds_left and metrics about once a second.

    Raises `DataError` for data of another shape or other classes, `TrainingError` if the loss is not a number.
    """
    from micronets.design.train import TrainingJob, train_network

    check_data(data)
    found = None if isinstance(network, Arch) else network
    arch = network if isinstance(network, Arch) else network.arch
    if input_settings is None:
        input_settings = {} if found is None else {k: v for k, v in found.values.items() if k in data.input_settings}
    _check_fit(arch, data, input_settings)
    job = TrainingJob(
        arch,
        data,
        input_settings,
        settings or TrainSettings(),
        seed=seed,
        init=None if found is None else found.state,
        teacher=None if teacher is None else teacher.float_net(),
    )
    if out is not None:
        return train_network(job, Path(out), progress)
    with tempfile.TemporaryDirectory(prefix="micronets-") as directory:
        return train_network(job, Path(directory), progress)


def _check_fit(arch: Arch, data: TaskData, input_settings: Mapping[str, int]) -> None:
    shape, outputs = data.input_shape(input_settings), arch.output_shape
    if arch.input_shape != shape:
        raise DataError(f"the network takes {arch.input_shape}, the data give {shape}; change one of them")
    if outputs != (len(data.classes),):
        raise DataError(f"the network has an output of {outputs}, the data {len(data.classes)} classes; change one of them")


def quantise(trained: TrainResult, data: TaskData, *, batches: int = 4, batch: int = 256) -> QuantizedModel:
    """The integers of a trained network, with labels and front end of the data as metadata.

    A network that was trained with quantisation simulated becomes what it simulated. One that was trained in float alone is
    quantised now, each range found by the least squared error over training examples (post-training quantisation); it loses
    more.

    - batches, batch: of training examples that ranges are observed on, where they were not before; how many are in one.
    """
    from micronets.design import fakequant
    from micronets.design.export import to_quantized

    net = trained.net
    if net.quantizer is None:
        import torch

        for name, value in (("batches", batches), ("batch", batch)):
            if value < 1:
                raise SpecError(f"{name} = {value}; need at least 1")
        x = data.inputs("train", trained.input_settings)[: batches * batch]
        net = trained.float_net()
        fakequant.attach(net, (torch.from_numpy(x[i : i + batch]) for i in range(0, len(x), batch)))
    metadata = data.metadata(trained.input_settings)
    if data.synthetic:
        metadata |= {"micronets.data": data.source}
    return to_quantized(net, metadata)


def export(trained: TrainResult | QuantizedModel, path: str | Path, data: TaskData | None = None) -> QuantizedModel:
    """Writes a trained network as `.tflite`, and makes sure that it reads back as it was written.

    - trained: what `train` returned, which is quantised as `quantise` does it, or a model in integers.
    - path: of the file.
    - data: what it was trained on; not for a model in integers, which has its metadata.

    Returns the model in the file. Raises `CheckFailed` if it reads back otherwise, `FileError` if it cannot be written.
    """
    if isinstance(trained, QuantizedModel):
        model = trained
    elif data is None:
        raise SpecError("export: give the data too, whose labels and front end the file carries: export(trained, path, data)")
    else:
        model = quantise(trained, data)
    content = tflite.write(model)
    if tflite.write(tflite.read(content)) != content:
        raise CheckFailed(f"{path}: does not read back as it was written; this is a bug of micronets, please report it")
    _write(Path(path), content)
    return model


def write(model: QuantizedModel, path: str | Path, portable: bool = False) -> Path:
    """Writes a model as `.tflite`; `read` is the inverse.

    portable: the file opens in the full TensorFlow Lite interpreter too, and is a little larger.
    Raises `SpecError` and `UnsupportedError` for a model that cannot be written, `FileError` for the file.
    """
    _write(Path(path), tflite.write(model, portable))
    return Path(path)


def read(path: str | Path) -> QuantizedModel:
    """The model in a `.tflite`, ours or anybody's of int8. Raises `FileError`, `SpecError`, `UnsupportedError`."""
    return tflite.read_file(Path(path)).model


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomic(path, content)
    except OSError as e:
        raise FileError(f"{path}: cannot write this model ({e.strerror or e}); name another place") from e
