"""`quantise` and `export`: from a trained network to an integer model, and to its `.tflite`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from micronets import tflite
from micronets.arguments import checked
from micronets.commands.import_model import CALIBRATION_EXAMPLES, drawn_inputs
from micronets.commands.model_file import write
from micronets.commands.train import check_fit
from micronets.errors import CheckFailed, SpecError
from micronets.importers.calibrate import post_training
from micronets.importers.network import FloatNetwork
from micronets.installation import require
from micronets.quantized.model import QuantizedModel
from micronets.tasks import TaskData
from micronets.tasks.own import check_data

if TYPE_CHECKING:
    from micronets.design.train import TrainResult


@checked
def quantise(
    trained: TrainResult | FloatNetwork, data: TaskData | npt.NDArray[Any], *, batches: int = 4, batch: int = 256
) -> QuantizedModel:
    """Makes an integer model of a trained network, with labels and front end of the data as metadata.

    A network that was trained with simulated quantisation becomes exactly the simulated model. One that was trained in
    float only is quantised now: each range minimises the squared error over training examples (post-training
    quantisation), which loses more accuracy. A network from `from_torch` is also quantised now, in the way that changes
    its outputs least.

    - `trained`: the result of `train` or of `from_torch`.
    - `data`: the training data; for a network from `from_torch`, typical inputs are enough, an array `[N, ...]` as the
      module takes them. Some hundred training examples are used, always the same.
    - `batches`, `batch`: number and size of the batches of training examples on which ranges are observed, if they were
      not before. A network from `from_torch` ignores them.

    Raises `DataError` for data that do not fit the network.
    """
    if isinstance(trained, FloatNetwork):
        return _after_training(trained, data)
    if _is_array(data):
        raise SpecError("quantise: give the data that the network was trained on, as `arrays` or `load_data` make them")
    assert not isinstance(data, np.ndarray)
    require("torch")
    check_data(data)
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
    return to_quantized(net, _metadata(data, trained.input_settings))


def _after_training(network: FloatNetwork, data: TaskData | npt.NDArray[Any]) -> QuantizedModel:
    """Quantises another tool's network over training examples or typical inputs, with metadata of the data."""
    if _is_array(data):
        given = np.asarray(data)
        return post_training(
            network, given[drawn_inputs(len(given), CALIBRATION_EXAMPLES)] if given.ndim else given
        ).model
    assert not isinstance(data, np.ndarray)
    check_data(data)
    check_fit(network.arch, data, {})
    network = replace(network, metadata=_metadata(data, {}))
    return post_training(
        network, data.inputs("train", {}, drawn_inputs(data.size("train"), CALIBRATION_EXAMPLES))
    ).model


def _is_array(data: TaskData | npt.NDArray[Any]) -> bool:
    """Returns whether data are an array of inputs, of numpy or torch, and no data set."""
    return hasattr(data, "__array__")


def _metadata(data: TaskData, input_settings: Mapping[str, int]) -> dict[str, str]:
    """Returns the metadata of the data that a model stores."""
    metadata = dict(data.metadata(input_settings))
    return metadata | ({"micronets.data": data.source} if data.synthetic else {})


@checked
def export(
    trained: TrainResult | FloatNetwork | QuantizedModel,
    path: str | Path,
    data: TaskData | npt.NDArray[Any] | None = None,
) -> QuantizedModel:
    """Writes a trained network as `.tflite`, checks that it reads back as written, and returns the model in the file.

    - `trained`: the result of `train` or of `from_torch`, which is quantised as by `quantise`, or an integer model.
    - `path`: path of the file.
    - `data`: the training data; not for an integer model, which already has its metadata.

    Raises `CheckFailed` if it reads back differently, and `FileError` if it cannot be written.
    """
    if data is not None and not isinstance(data, np.ndarray) and not _is_array(data):
        check_data(data)
    if isinstance(trained, QuantizedModel):
        model = trained
    elif data is None:
        raise SpecError(
            "export: give the data too, whose labels and front end the file carries: export(trained, path, data)"
        )
    else:
        model = quantise(trained, data)
    content = tflite.write(model)
    if tflite.write(tflite.read(content)) != content:
        raise CheckFailed(f"{path}: does not read back as it was written; this is a bug of micronets, please report it")
    write(model, path)
    return model
