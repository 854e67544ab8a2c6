"""`train`: trains an architecture, or what a search found, on data."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micronets.design.train_settings import TrainSettings
from micronets.errors import DataError, UnsupportedError
from micronets.importers.network import FloatNetwork
from micronets.installation import require
from micronets.ir.arch import Arch
from micronets.progress import Progress
from micronets.tasks import TaskData
from micronets.tasks.own import check_data
from micronets.terminal import counted

if TYPE_CHECKING:
    from torch import Tensor

    from micronets.design.dnas import SearchResult
    from micronets.design.train import TrainResult


def train(
    network: Arch | SearchResult | FloatNetwork,
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

    - `network`: an architecture, or what a search found, or what `from_torch` read: of these two, training starts from
      the weights that they have.
    - `data`: what it is to learn; the best epoch is that of the validation split.
    - `settings`: epochs, learning rates and the rest; `qat_epochs=0` trains in float alone, and `epochs=0`, for a
      network that has weights, with quantisation simulated alone.
    - `input_settings`: input settings of the data, where these have any; None: those of the search, else none.
    - `teacher`: a trained network of the same input and outputs, from whose outputs it learns too.
    - `seed`: seed of first weights, order and disturbance of examples.
    - `out`: a directory for checkpoints, from which a training that was interrupted goes on; None: there are none.
    - `progress`: is told stage, step, steps, seconds_left and metrics about once a second.

    Raises `DataError` for data of another shape or other classes, `TrainingError` if the loss is not a number.
    """
    require("torch")
    from micronets.design.train import TrainingJob, train_network

    check_data(data)
    found = None if isinstance(network, (Arch, FloatNetwork)) else network
    arch = network if isinstance(network, Arch) else network.arch
    if input_settings is None:
        input_settings = {} if found is None else {k: v for k, v in found.values.items() if k in data.input_settings}
    check_fit(arch, data, input_settings)
    init: Mapping[str, Tensor] | None = None
    if found is not None:
        init = found.state
    elif isinstance(network, FloatNetwork):
        init = _adopted(network, data, input_settings)
    job = TrainingJob(
        arch,
        data,
        input_settings,
        settings or TrainSettings(),
        seed=seed,
        init=init,
        teacher=None if teacher is None else teacher.float_net(),
    )
    if out is not None:
        return train_network(job, Path(out), progress)
    with tempfile.TemporaryDirectory(prefix="micronets-") as directory:
        return train_network(job, Path(directory), progress)


def _adopted(network: FloatNetwork, data: TaskData, input_settings: Mapping[str, int]) -> Mapping[str, Tensor]:
    """Returns the weights of a network of another tool as our training begins with them."""
    from micronets.design.adopt import adopted

    x = data.inputs("train", input_settings)
    x = x[np.sort(np.random.default_rng(0).permutation(len(x))[:_STATISTICS])]
    weights = {name: (w.kernel, w.bias) for name, w in network.weights.items()}
    try:
        return adopted(network.arch, weights, (x[i : i + _BATCH] for i in range(0, len(x), _BATCH)))
    except UnsupportedError as e:
        raise UnsupportedError(f"{e}, which is quantised after training: mn.quantise(network, data)") from e


_STATISTICS = 1024  # training examples on which the statistics of batch norms are found
_BATCH = 128


def check_fit(arch: Arch, data: TaskData, input_settings: Mapping[str, int]) -> None:
    """Raises `DataError` for data of another shape or with other classes than a network takes and tells apart."""
    shape, outputs = data.input_shape(input_settings), arch.output_shape
    if arch.input_shape != shape:
        raise DataError(f"the network takes {arch.input_shape}, the data give {shape}; change one of them")
    if outputs != (len(data.classes),):
        raise DataError(
            f"the network has an output of {outputs}, the data {counted(len(data.classes), 'classes')}; "
            "change one of them"
        )
