"""`SearchSettings`: the section [search] of a configuration. This file is read without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from micronets.arguments import check_kinds
from micronets.design.setting_ranges import OF_SPACES, WITHOUT_EFFECT, check_ranges
from micronets.errors import SpecError

Method = Literal["dnas", "supernet", "random", "uniform"]
"""How a network is searched for; `search_methods.search` explains each method."""


@dataclass(frozen=True)
class SearchSettings:
    """How to search a space; the defaults are for keyword spotting. Raises `SpecError` for a value out of its range.

    - `method`: `dnas` trains weights and choices of a supernet together; `supernet` trains a supernet from which
      networks are cut out and compared; `random` and `uniform` compare single networks after a short training: random
      ones, and the space's standard one scaled to the limits for its input sizes and strides.
    - `candidates`: number of networks that `random` trains, and the maximum for `uniform`; at least 1.
    - `evaluations`: number of networks cut out of the supernet that `supernet` compares; at least 1.
    - `finalists`: number of networks that are compared in rounds at the end: those that the search found, uniform
      networks, and neighbours of these; at least 2. `supernet` trains the supernet for the remaining ones, `dnas`
      trains each separately.
    - `final_share`: the share of `epochs`, the last ones, that these rounds take together; from 0, which compares none,
      to below 1.
    - `dnas_finals`: whether `dnas` also ends with such a comparison; otherwise only `supernet` does.
    - `supernet`: for the method `supernet`, a directory with a trained supernet, such as the folder `supernet` of a
      sweep with the same data, space, seed and search settings. Networks are cut out of it, and no supernet is trained.
    - `space_share`: with `space.name = "auto"`, passes over the training split for comparing the spaces, as a share of
      `epochs`, divided evenly among the rounds, and in each among its networks; above 0.
    - `space_networks`: with `space.name = "auto"`, number of networks with which every space starts: half of them,
      rounded up, are the space's standard one scaled to the limits for several shapes, the others random; at least 1.
    - `epochs`: passes over the training split, at least 1. `random` and `uniform` divide them among their networks, at
      least one for each; a step of the supernet of a sweep trains four networks.
    - `optimiser`: optimiser of the weights, `adamw` or `sgd` (with Nesterov's momentum).
    - `batch`: examples a step, at least 1.
    - `lr`: peak learning rate of the weights; it rises over the first epoch, or a fifth of the steps if that is less,
      and then falls along a cosine; above 0.
    - `weight_decay`: weight decay of convolutions and matrices, 0 or more.
    - `label_smoothing`: label smoothing: the share of the label that is spread over all classes.
    - `warmup`: share of the steps, the first ones, that train only the weights; 0 to below 1.
    - `arch_lr`: learning rate of the architecture parameters (Adam); above 0.
    - `temperature`: temperature of the Gumbel-softmax until the end of the warm-up; above 0.
    - `final_temperature`: temperature at the last step, to which it falls geometrically; above 0.
    - `penalty`: weight in the loss of the excess over the limits; above 0.
    - `settle`: share of the steps, the last ones, over which `arch_lr` falls linearly to 0, so that the noise of the
      last few batches changes no choice; 0 to 1 - `warmup`.
    - `fill_log_ratio`: if the likeliest network leaves room under the limits, a larger option of a choice is taken if
      it is at most exp(`fill_log_ratio`) times less probable than the likeliest; 0 or more. Less probable options were
      hardly trained.
    - `calibration_batches`: batches of training examples for the batch norm statistics of a network that is cut out of
      the supernet; at least 1.
    - `precision`: `fp32`, `bf16` or `auto`, which is `bf16` if the hardware multiplies it natively. In `bf16`, a
      convolution that this CPU computes wrongly is computed in float32.
    - `device`: `cpu`, `cuda` or `auto`, which is the GPU if there is one.
    - `checkpoint_seconds`: a checkpoint is written at the end of every epoch, and within one when this much time has
      passed since the last one.
    """

    method: Method = "dnas"
    candidates: int = 4
    evaluations: int = 200
    finalists: int = 6
    final_share: float = 0.5
    dnas_finals: bool = False
    supernet: str = ""
    space_share: float = 1.0
    space_networks: int = 2
    epochs: int = 8
    optimiser: Literal["adamw", "sgd"] = "adamw"
    batch: int = 256
    lr: float = 4e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    warmup: float = 0.35
    arch_lr: float = 0.05
    temperature: float = 3.0
    final_temperature: float = 0.4
    penalty: float = 2.0
    settle: float = 0.2
    fill_log_ratio: float = 1.0
    calibration_batches: int = 8
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_seconds: float = 60.0

    def decisive(self, *without: str) -> dict[str, Any]:
        """Returns the settings, by name, that decide the result of a search of one space, except those of `without`.

        A checkpoint carries their hash, so that a search with other settings refuses it.
        """
        left_out = (*WITHOUT_EFFECT, *OF_SPACES, "device", *without)
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    def __post_init__(self) -> None:
        check_ranges(
            "search",
            self,
            positive=(
                "epochs",
                "candidates",
                "evaluations",
                "finalists",
                "space_share",
                "space_networks",
                "batch",
                "lr",
                "arch_lr",
                "temperature",
                "final_temperature",
                "penalty",
                "calibration_batches",
            ),
            not_negative=(
                "label_smoothing",
                "weight_decay",
                "checkpoint_seconds",
                "settle",
                "fill_log_ratio",
                "final_share",
            ),
        )
        check_kinds(self, "search: ")
        if self.finalists < 2:
            raise SpecError(
                f"search: finalists = {self.finalists}; need at least 2; final_share = 0 compares none at the end"
            )
        if not self.final_share < 1:
            raise SpecError(f"search: final_share = {self.final_share}; a share of the epochs from 0 to below 1")
        if self.supernet and self.method != "supernet":
            raise SpecError(
                f'search: supernet = \'{self.supernet}\' goes with method = "supernet", not "{self.method}"; change '
                "one of them"
            )
        if not 0 <= self.warmup < 1:
            raise SpecError(f"search: warmup = {self.warmup}; a share of the steps from 0 to below 1")
        if self.settle > 1 - self.warmup:
            raise SpecError(
                f"search: settle = {self.settle}; at most {1 - self.warmup:.6g}, the share that warmup leaves"
            )
