"""Training of one network: in float, then with simulated quantisation; an interrupted training resumes bit for bit.

`train_loop.py` has the training steps; this file starts them, and stores the result.

On a CPU set `OMP_WAIT_POLICY=passive` before torch is imported: threads that spin while they wait make every step
several times slower as soon as anything else runs on the machine.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from micronets.design import fakequant
from micronets.design.net import Net, load_float
from micronets.design.torch_ops import prepare_cpu
from micronets.design.train_loop import TrainingJob, TrainLoop
from micronets.design.train_settings import TrainSettings
from micronets.errors import FileError
from micronets.files import check_plain, write_atomic
from micronets.history import TrainEpoch, train_epoch
from micronets.ir.arch import Arch
from micronets.progress import Progress
from micronets.records import to_json

__all__ = ["TrainResult", "TrainSettings", "TrainingJob", "load_result", "train_network"]

WEIGHTS_FILE = "weights.pt"


@dataclass(frozen=True, eq=False)
class TrainResult:
    """A trained network, and the record of its training.

    - `net`: the network on the CPU, in evaluation mode, fake-quantised if there was a quantised stage.
    - `float_state`: state dict of the float network, of the float stage's best epoch.
    - `history`: a record for each epoch of both stages.
    - `float_score`: the task's metric of the float stage's best epoch, on the validation split, 0 to 1.
    - `input_settings`: settings of the front end by name, with which it was trained.
    - `quantised_score`: the same metric of the quantised stage's best epoch; None if there was no such stage.
    """

    net: Net
    float_state: dict[str, Tensor]
    history: tuple[TrainEpoch, ...]
    float_score: float
    quantised_score: float | None
    input_settings: Mapping[str, int] = field(default_factory=dict)

    @property
    def state(self) -> dict[str, Tensor]:
        """The state dict of `net`."""
        return self.net.state_dict()

    def float_net(self) -> Net:
        """Makes the network with the best float weights, in evaluation mode; it can teach another network."""
        net = Net(self.net.arch)
        load_float(net, self.float_state)
        return net.eval()


def train_network(job: TrainingJob, directory: Path, progress: Progress | None = None) -> TrainResult:
    """Trains a network and keeps, from each stage, the best epoch on the validation split.

    - `job`: the network, its data and how it is trained.
    - `directory`: where checkpoint.pt, history.jsonl and weights.pt are written; a checkpoint in it is resumed.
    - `progress`: called with step, steps, seconds_left, the loss and the score about once a second.

    Raises `TrainingError` if the loss is not a number, `FileError` if a file cannot be written (the previous checkpoint
    stays), `DataError` without validation examples, and `SpecError` for initial weights or a checkpoint that belong to
    something else.
    """
    prepare_cpu()
    loop = TrainLoop(job, directory, progress)
    loop.run()
    quantised = job.settings.qat_epochs > 0
    record = {
        "arch": job.arch.to_json(),
        "float_state": loop.best["float"].state,
        "float_score": loop.best["float"].score,
        "state": loop.best["quantised"].state if quantised else None,
        "quantised_score": loop.best["quantised"].score if quantised else None,
        "history": to_json(loop.history),
        "input_settings": dict(job.input_settings),
    }
    buffer = io.BytesIO()
    torch.save(record, buffer)
    try:
        write_atomic(directory / WEIGHTS_FILE, buffer.getvalue())
    except OSError as e:
        raise FileError(
            f"{directory / WEIGHTS_FILE}: cannot write ({e.strerror or e}); free space and run again to continue"
        ) from e
    return _result_of(record)


def load_result(directory: Path) -> TrainResult:
    """Reads what `train_network` left in `directory`. Raises `FileError` if it is not there or damaged."""
    path = directory / WEIGHTS_FILE
    try:
        check_plain(path)
        return _result_of(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError as e:
        raise FileError(f"{path}: no such file; train first") from e
    except Exception as e:  # torch's reader raises a dozen kinds of exception for damaged files
        raise FileError(f"{path}: not the weights of a training ({type(e).__name__}); delete it and train again") from e


def _result_of(record: Mapping[str, Any]) -> TrainResult:
    """Makes the result from the record of weights.pt."""
    net = Net(Arch.from_json(record["arch"]))
    if record["state"] is None:
        load_float(net, record["float_state"])
    else:
        fakequant.attach(net)
        net.load_state_dict(record["state"])
    return TrainResult(
        net.eval(),
        record["float_state"],
        tuple(map(train_epoch, record["history"])),
        record["float_score"],
        record["quantised_score"],
        record.get("input_settings", {}),  # missing in files of an earlier version
    )
