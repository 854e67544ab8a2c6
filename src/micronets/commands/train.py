"""`train`: trains an architecture, or the result of a search, on data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from micronets.arguments import checked
from micronets.commands.first_network import first_network, first_weights
from micronets.design.train_settings import TrainSettings, check_made_weight
from micronets.errors import DataError, SpecError, UnsupportedError
from micronets.files import temporary_directory
from micronets.importers.network import FloatNetwork
from micronets.installation import require
from micronets.ir.arch import Arch
from micronets.progress import NoteEvent, Progress
from micronets.ranges import check_seed
from micronets.tasks import TaskData
from micronets.tasks.own import check_data
from micronets.terminal import counted

if TYPE_CHECKING:
    from torch import Tensor

    from micronets.design.dnas import SearchResult
    from micronets.design.train import TrainResult


@checked
def train(
    network: Arch | SearchResult | FloatNetwork | str | Path,
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

    - `network`: an architecture; or the result of `search` or `from_torch`, or the path of a `.tflite` (int8 or float)
      or ONNX file, from whose weights training starts. Outputs of a file keep their weights if a class has the same
      label, and start with weights of 0 otherwise (`commands.first_network`).
    - `data`: the training data; the best epoch is chosen on the validation split.
    - `settings`: epochs, learning rates and the rest; `qat_epochs=0` trains in float only, and `epochs=0`, for a
      network that has weights, with quantisation simulated only.
    - `input_settings`: input settings of the data, if they have any; None: those of the search or of the file, if any.
    - `teacher`: a trained network with the same input and outputs, from whose outputs it also learns.
    - `seed`: seed of initial weights, order and augmentation of examples.
    - `out`: a directory for checkpoints, from which an interrupted training resumes; None: there are none.
    - `progress`: called with step, steps, seconds_left, the loss and the score about once a second.

    Raises `SpecError` for settings that contradict each other, `DataError` for data with another shape or other
    classes, `FileError` or `UnsupportedError` for a file that cannot be read or trained, and `TrainingError` if the
    loss is not a number.
    """
    require("torch")
    from micronets.design.train import TrainingJob, train_network

    check_data(data)
    check_seed(seed)
    settings = settings or TrainSettings()
    if settings.start_share and not settings.qat_epochs:
        raise SpecError(
            f"train: start_share = {settings.start_share}: is a share of the initial weights of the quantised stage, "
            "which qat_epochs = 0 leaves out; change one of them"
        )
    check_made_weight(settings, data)
    init: Mapping[str, Tensor] | None = None
    if isinstance(network, str | Path):
        first = first_network(Path(network), data, input_settings)
        for note in first.notes:
            (progress or (lambda _: None))(NoteEvent("train", note))
        network, input_settings = first.network, first.settings
    if isinstance(network, Arch):
        arch = network
    elif isinstance(network, FloatNetwork):
        arch = network.arch
    else:
        arch, init = network.arch, network.state
        if input_settings is None:
            input_settings = {k: v for k, v in network.values.items() if k in data.input_settings}
    input_settings = input_settings or {}
    check_fit(arch, data, input_settings)
    if isinstance(network, FloatNetwork):
        try:
            init = first_weights(network, data, input_settings)
        except UnsupportedError as e:
            raise UnsupportedError(f"{e}, which is quantised after training: mn.quantise(network, data)") from e
    job = TrainingJob(
        arch,
        data,
        input_settings,
        settings,
        seed=int(seed),
        init=init,
        teacher=None if teacher is None else teacher.float_net(),
    )
    if out is not None:
        return train_network(job, Path(out), progress)
    with temporary_directory() as directory:
        return train_network(job, directory, progress)


def check_fit(arch: Arch, data: TaskData, input_settings: Mapping[str, int]) -> None:
    """Raises `DataError` if the shape or the classes of data are not those of a network.

    - `arch`: the network.
    - `data`: the data that it will learn.
    - `input_settings`: the data's input settings by name, which determine the shape of their inputs.
    """
    shape, outputs = data.input_shape(input_settings), arch.output_shape
    if arch.input_shape != shape:
        raise DataError(f"the network takes {arch.input_shape}, the data give {shape}; change one of them")
    if outputs != (len(data.classes),):
        raise DataError(
            f"the network has an output of {outputs}, the data {counted(len(data.classes), 'classes')}; "
            "change one of them"
        )
