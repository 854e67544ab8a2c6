"""`quantise` and `export`: from a trained network to an integer model, and to its `.tflite`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from micronets import tflite
from micronets.commands.model_file import write
from micronets.errors import CheckFailed, SpecError
from micronets.installation import require
from micronets.quantized.model import QuantizedModel
from micronets.tasks import TaskData

if TYPE_CHECKING:
    from micronets.design.train import TrainResult


def quantise(trained: TrainResult, data: TaskData, *, batches: int = 4, batch: int = 256) -> QuantizedModel:
    """Makes an integer model of a trained network, with labels and front end of the data as metadata.

    A network that was trained with quantisation simulated becomes what it simulated. One that was trained in float
    alone is quantised now, each range found by the least squared error over training examples (post-training
    quantisation); it loses more.

    - `batches`, `batch`: number and size of the batches of training examples on which ranges are observed, where they
      were not before.
    """
    require("torch")
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
    """Writes a trained network as `.tflite`, makes sure that it reads back as written, and returns the model in the
    file.

    - `trained`: what `train` returned, which is quantised as `quantise` does it, or an integer model.
    - `path`: path of the file.
    - `data`: what it was trained on; not for an integer model, which has its metadata.

    Raises `CheckFailed` if it reads back otherwise, `FileError` if it cannot be written.
    """
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
