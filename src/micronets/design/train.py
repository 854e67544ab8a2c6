"""Training of one network: float, then with quantisation simulated; continues from its checkpoint, bit for bit.

On a CPU set `OMP_WAIT_POLICY=passive` before torch is imported: threads that spin while they wait make every step
several times slower as soon as anything else runs on the machine.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from micronets.design import fakequant
from micronets.design.checkpoint import load_checkpoint, save_checkpoint
from micronets.design.net import Net, load_float
from micronets.design.torch_ops import autocast, pick_device, pick_precision, prepare_cpu
from micronets.design.train_loop import Training
from micronets.design.train_settings import TrainSettings
from micronets.errors import FileError
from micronets.files import write_atomic
from micronets.ir.arch import Arch
from micronets.tasks import TaskData

__all__ = [
    "TrainResult",
    "TrainSettings",
    "autocast",
    "fit",
    "load_checkpoint",
    "load_result",
    "pick_device",
    "pick_precision",
    "prepare_cpu",
    "save_checkpoint",
]

WEIGHTS = "weights.pt"


@dataclass(frozen=True, eq=False)
class TrainResult:
    """A trained network.

    net: on the CPU, in evaluation mode, fake-quantised if there was such a stage.
    float_state: state dict of the best float weights.
    history: one record per epoch. float_score, quantised_score: the task's metric on the validation
        split, 0..1; the best epoch's.
    """

    net: Net
    float_state: dict[str, Tensor]
    history: list[dict[str, Any]]
    float_score: float
    quantised_score: float | None

    @property
    def state(self) -> dict[str, Tensor]:
        """State dict of `net`."""
        return self.net.state_dict()

    def float_net(self) -> Net:
        """The network with the best float weights, in evaluation mode: a teacher, say."""
        net = Net(self.net.arch)
        load_float(net, self.float_state)
        return net.eval()


def fit(
    arch: Arch,
    data: TaskData,
    input_settings: Mapping[str, int],
    settings: TrainSettings,
    *,
    seed: int,
    init: Mapping[str, Tensor] | None = None,
    teacher: nn.Module | None = None,
    directory: Path,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> TrainResult:
    """Trains `arch`, keeping the epoch that does best on the validation split in each stage.

    init: float weights to start from, by the names of `Net`'s state dict. teacher: maps the same inputs to logits.
    directory: gets checkpoint.pt, history.jsonl and weights.pt; a checkpoint found there is continued.
    progress: is told stage, step, steps, seconds_left and metrics about once a second.

    Raises `TrainingError` if the loss is not a number, `FileError` if a file cannot be written (the previous checkpoint
    stays), `DataError` without validation examples, and `SpecError` for initial weights or a checkpoint that belong to
    something else.
    """
    prepare_cpu()
    training = Training(arch, data, input_settings, settings, seed, init, teacher, directory, progress)
    training.run()
    record = {
        "arch": arch.to_json(),
        "float_state": training.best["float"]["state"],
        "float_score": training.best["float"]["score"],
        "state": training.best["quantised"]["state"] if settings.qat_epochs else None,
        "quantised_score": training.best["quantised"]["score"] if settings.qat_epochs else None,
        "history": training.history,
    }
    buffer = io.BytesIO()
    torch.save(record, buffer)
    try:
        write_atomic(directory / WEIGHTS, buffer.getvalue())
    except OSError as e:
        raise FileError(f"{directory / WEIGHTS}: cannot write ({e.strerror or e}); free space and run again to continue") from e
    return _result(record)


def load_result(directory: Path) -> TrainResult:
    """What `fit` left in `directory`. Raises `FileError` if it is not there or damaged."""
    path = directory / WEIGHTS
    try:
        return _result(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError as e:
        raise FileError(f"{path}: no such file; train first") from e
    except Exception as e:  # torch's reader raises a dozen kinds for damaged files
        raise FileError(f"{path}: not the weights of a training ({type(e).__name__}); delete it and train again") from e


def _result(record: Mapping[str, Any]) -> TrainResult:
    net = Net(Arch.from_json(record["arch"]))
    if record["state"] is None:
        load_float(net, record["float_state"])
    else:
        fakequant.attach(net)
        net.load_state_dict(record["state"])
    return TrainResult(net.eval(), record["float_state"], record["history"], record["float_score"], record["quantised_score"])
