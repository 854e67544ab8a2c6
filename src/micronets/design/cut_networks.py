"""`CutNetworks`: subnetworks that are cut out of a supernet, and how well they do without further training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from micronets.design import processes
from micronets.design.dnas_loop import SearchLoop, input_settings
from micronets.design.net import Net
from micronets.design.predict import predict_together
from micronets.design.score_file import ScoreFile
from micronets.files import digest
from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.tasks import TaskData

COMPARED_EXAMPLES = 1024  # validation examples, evenly spaced, on which cut networks are compared


class CutNetworks:
    """The networks of a trained supernet, and their losses without further training, each computed once.

    - `loop`: holds the supernet, and gives the batches for batch norm statistics.
    - `losses`: the mean cross-entropy on validation examples of each network that was evaluated.
    - `scores`: the file that caches losses for other searches on the same supernet; None if there is none.
    """

    def __init__(self, loop: SearchLoop, data: TaskData, scores: ScoreFile | None = None) -> None:
        self.loop, self.data, self.scores = loop, data, scores
        size = data.size("val")
        self._rows = np.unique(np.linspace(0, size - 1, min(size, COMPARED_EXAMPLES)).astype(np.int64))
        self._labels = torch.from_numpy(data.labels("val")[self._rows])
        self.losses: dict[Arch, float] = {}

    def state(self, values: Mapping[str, int], *, rounded: bool = False) -> dict[str, Tensor]:
        """Cuts out the weights of the network of `values`, with its own batch norm statistics.

        - `values`: the option of every choice.
        - `rounded`: whether 4-bit weights are rounded (see `Supernet.slice`).
        """
        arch = derive(self.loop.supernet.space, values)
        return self.loop.supernet.slice(arch, self.loop.calibration_batches(values), rounded=rounded)

    def loss(self, values: Mapping[str, int]) -> float:
        """Returns the validation loss of the network of `values`."""
        arch = derive(self.loop.supernet.space, values)
        if arch not in self.losses:
            settings = input_settings(self.data, values)
            key = digest(repr((arch.to_json(), sorted(settings.items()))))
            group, scores = processes.group(), self.scores
            loss = None if scores is None else group.agreed(lambda: scores.get(key))
            if loss is None:
                net = Net(arch).to(self.loop.device)
                net.load_state_dict(self.state(values, rounded=True))
                x = self.data.inputs("val", settings, self._rows)
                logits = torch.from_numpy(predict_together(net, x))
                loss = group.agreed(lambda: float(F.cross_entropy(logits, self._labels)))
                if scores is not None and group.rank == 0:
                    scores.add(key, loss)
            self.losses[arch] = loss
        return self.losses[arch]

    def accuracy(self, values: Mapping[str, int]) -> float:
        """Returns the task's metric on the whole validation split, 0 to 1, of the network of `values` as it is cut."""
        net = Net(derive(self.loop.supernet.space, values)).to(self.loop.device)
        net.load_state_dict(self.state(values, rounded=True))
        logits = predict_together(net, self.data.inputs("val", input_settings(self.data, values)))
        return self.loop.group.agreed(lambda: self.data.evaluate(logits, "val").value)
