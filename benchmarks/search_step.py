"""One supernet step (weights and architecture) against one plain training step of the largest network of the space.

Same batch, same maps (every shape choice at its largest), same optimiser, same process, steps taken in turn.
    python benchmarks/search_step.py [--space dscnn|temporal] [--batch 64] [--rounds 5] [--json]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import json
import statistics
import time
from dataclasses import replace
from importlib import import_module

import numpy as np
import torch
from torch.nn import functional as F

from micronets import optim
from micronets.board import Budget, board_budget, load_board
from micronets.fit import Fitter
from micronets.net import Net
from micronets.ops import autocast, pick_device, pick_precision, prepare_cpu
from micronets.search import SearchSettings, Stepper
from micronets.space import SearchSpace, derive
from micronets.supernet import Supernet


class RandomTask:
    """Random inputs of one shape, made once: data cost nothing here."""

    input_settings = ("frame_stride", "coefficients")

    def __init__(self, shape: tuple[int, ...], batch: int, classes: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(batch, *shape, generator=generator)
        self.y = np.random.default_rng(0).integers(0, classes, batch)

    def labels(self, split: str) -> np.ndarray:
        return self.y

    def epoch(self, rng: np.random.Generator) -> np.ndarray:
        return np.arange(len(self.y))

    def augmented(self, indices: object, settings: object, generator: object) -> torch.Tensor:
        return self.x.to(pick_device())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", choices=("dscnn", "temporal"), default="dscnn")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    prepare_cpu()
    full: SearchSpace = import_module(f"micronets.spaces.{args.space}").kws(12)
    space = replace(full, choices=tuple(replace(c, options=c.options[:1]) if c.kind == "shape" else c for c in full.choices))
    arch = derive(space, space.largest())
    device = pick_device()
    precision = pick_precision("auto", device)
    torch.manual_seed(0)
    task = RandomTask(arch.input_shape, args.batch, 12)

    board = load_board("NUCLEO-F446RE")
    limits = board_budget(Budget(arena_bytes=64_000, tflite_bytes=110_000, macs=8_300_000), board)
    settings = SearchSettings(epochs=1, batch=args.batch, warmup=0.0, precision=precision)
    supernet = Supernet(space).to(device)
    stepper = Stepper(supernet, Fitter(space, limits, board), board, limits, task, settings, 0, device)  # type: ignore[arg-type]
    supernet.train()
    batch, generator = torch.arange(args.batch), torch.Generator()

    net = Net(arch).to(device).train()
    optimiser = optim.optimiser(net, "adamw", settings.weight_decay)
    x, y = task.x.to(device), torch.from_numpy(task.y).to(device)

    def plain() -> None:
        with autocast(device, precision):
            logits = net(x)
        loss = F.cross_entropy(logits.float(), y, label_smoothing=settings.label_smoothing)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        loss.item()

    times: dict[str, list[float]] = {"plain": [], "supernet": []}
    for i in range(args.rounds + 1):
        for name, step in (("plain", plain), ("supernet", lambda: stepper.train_step(batch, 1, generator, generator))):
            start = time.perf_counter()
            step()
            if i:  # the first round warms up
                times[name].append(time.perf_counter() - start)
    median = {name: statistics.median(t) * 1e3 for name, t in times.items()}
    ratio = statistics.median(s / p for s, p in zip(times["supernet"], times["plain"], strict=True))
    result = {"space": args.space, "batch": args.batch, "precision": precision, "threads": torch.get_num_threads()}
    result |= {"plain_ms": median["plain"], "supernet_ms": median["supernet"], "ratio": ratio, "limit": 1.25}
    if args.json:
        print(json.dumps(result))
    else:
        print(", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
