"""What tells early which networks will be good: rank correlations of cheap figures with the score after a training.

Networks within the limits of a configuration - uniform ones, neighbours of these, random ones - are each trained from
random weights for `train.epochs`, under two seeds, and their scores on validation are averaged. Before that, each gets
the cheap figures of `FIGURES`. A figure is worth as much as its rank correlation (Spearman) with the trained score; no
figure can be expected to do better than what one seed tells about the other, which is printed as well.

    python -m benchmarks.search_ranks CONFIG [--set KEY=VALUE] [--clips 320] [--networks 20] [--out FOLDER]
        [--table docs/results.md]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import datetime
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.dnas_vs_baselines import say
from benchmarks.search_methods import fewer_clips, ranks
from benchmarks.tables import replace_section
from micronets.commands.search import budget_without_metadata
from micronets.cost.counts import macs
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.candidates import neighbours, random_candidates, short_training, uniform_candidates
from micronets.design.dnas_loop import input_settings
from micronets.design.net import Net
from micronets.design.sandwich import CutNetworks, cut_networks
from micronets.design.search_job import SearchJob
from micronets.design.train import TrainingJob, train_network
from micronets.files import write_atomic
from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.pipeline.config import Config, load
from micronets.pipeline.context import RunContext
from micronets.pipeline.directory import RunDir
from micronets.tasks import TaskData

FIGURES = {
    "macs": "multiplications of an inference",
    "weights": "number of weights",
    "layers": "number of layers",
    "regions": "logarithm of the determinant of how alike ReLU codes of a batch are, untrained (Mellor et al. 2021)",
    "flow": "sum of weights times gradients of an all-positive copy, untrained (Tanaka et al. 2020)",
    "cut": "minus the validation loss as cut out of a supernet that trained all networks alike",
    "cut, 1 epoch": "score on validation an epoch after it was cut out",
    "cut, 2 epochs": "score on validation two epochs after it was cut out",
    "1 epoch": "score on validation after one epoch from random weights",
    "2 epochs": "score on validation after two epochs from random weights",
}
"""The cheap figures by name; of each a higher value is to tell a better network."""

TRUTHS = (1000, 1001)  # the seeds of the long trainings


@dataclass(frozen=True)
class Ranked:
    """A network with its cheap figures and what became of it.

    - `kind`: uniform, neighbour or random.
    - `values`: the option of every choice.
    - `figures`: the cheap figures, by their names in `FIGURES`.
    - `trained`: the metric on the validation split, 0 to 1, after a long training under each seed of `TRUTHS`.
    """

    kind: str
    values: Mapping[str, int]
    figures: Mapping[str, float]
    trained: tuple[float, ...]


def networks(fitter: BudgetFitter, count: int, seed: int) -> list[tuple[str, dict[str, int]]]:
    """Returns networks that meet the limits: uniform ones, neighbours of these, and random ones, with their kind."""
    uniform = uniform_candidates(fitter, fitter.feasible_shapes(), max(1, count // 5))
    near = neighbours(fitter, uniform, max(1, count * 2 // 5), seed)
    drawn = random_candidates(fitter, count - len(uniform) - len(near), seed)
    return (
        [("uniform", values) for values in uniform]
        + [("neighbour", values) for values in near]
        + [("random", values) for values in drawn]
    )


def regions(arch: Arch, x: Tensor, seed: int) -> float:
    """Returns how differently an untrained network's ReLUs answer to the examples of a batch `x` `[N, H, W, C]`.

    The figure is the logarithm of the determinant of the matrix `[N, N]` of agreeing ReLUs (Mellor et al. 2021).
    """
    torch.manual_seed(seed)
    net = Net(arch).train()
    names = [s.layer.outputs[0] for s in arch.steps() if getattr(s.layer, "activation", "none") == "relu"]
    with torch.no_grad():
        _, maps = net.with_maps(x, names)
    codes = torch.cat([(maps[name] > 0).flatten(1).double() for name in names], 1)
    agreeing = codes @ codes.T + (1 - codes) @ (1 - codes).T
    return float(torch.linalg.slogdet(agreeing).logabsdet)


def flow(arch: Arch, shape: Sequence[int], seed: int) -> float:
    """Returns the logarithm of the flow through an untrained network whose weights are all made positive.

    The flow is the sum of weights times gradients for an input of ones (Tanaka et al. 2020).
    """
    torch.manual_seed(seed)
    net = Net(arch).double().eval()
    with torch.no_grad():
        for p in net.parameters():
            p.abs_()
    net(torch.ones(1, *shape, dtype=torch.float64)).sum().backward()
    return float(torch.log(sum((p.detach() * p.grad).sum() for p in net.parameters() if p.grad is not None)))  # type: ignore[arg-type]


def judge(
    kind: str, values: dict[str, int], cut: CutNetworks, config: Config, context: RunContext, data: TaskData, out: Path
) -> Ranked:
    """Computes the cheap figures of a network, and trains it."""
    arch, inputs = derive(context.space, values), input_settings(data, values)

    def score(name: str, epochs: int, seed: int, init: Mapping[str, Tensor] | None = None) -> float:
        own = out / name
        own.mkdir(parents=True, exist_ok=True)
        job = TrainingJob(arch, data, inputs, short_training(config.search, epochs), seed, init)
        return train_network(job, own, say).float_score

    def trained(seed: int) -> float:
        own = out / str(seed)
        own.mkdir(parents=True, exist_ok=True)
        job = TrainingJob(arch, data, inputs, replace(config.train, qat_epochs=0), seed)
        return train_network(job, own, say).float_score

    state, batch = cut.state(values), torch.from_numpy(data.inputs("train", inputs, np.arange(32)))
    figures = {
        "macs": float(macs(arch.steps())),
        "weights": float(sum(value.numel() for name, value in state.items() if name.endswith("weight"))),
        "layers": float(len(arch.layers)),
        "regions": regions(arch, batch, config.seed),
        "flow": flow(arch, batch.shape[1:], config.seed),
        "cut": -cut.loss(values),
        "cut, 1 epoch": score("cut1", 1, config.seed, state),
        "cut, 2 epochs": score("cut2", 2, config.seed, state),
        "1 epoch": score("scratch1", 1, config.seed),
        "2 epochs": score("scratch2", 2, config.seed),
    }
    return Ranked(kind, values, figures, tuple(trained(seed) for seed in TRUTHS))


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Returns the rank correlation of two figures of the same networks: 1 where the orders are the same.

    It is 0 where a figure is the same for all networks.
    """
    a, b = ranks(np.array(one)), ranks(np.array(other))
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else 0.0


def table(ranked: Sequence[Ranked], config: Config, data: TaskData, command: str) -> str:
    """Returns the correlations as Markdown, and the trained scores of each kind of network."""
    truth = [statistics.mean(r.trained) for r in ranked]
    apart = spearman([r.trained[0] for r in ranked], [r.trained[1] for r in ranked])
    kinds = []
    for kind in dict.fromkeys(r.kind for r in ranked):
        own = [100 * t for r, t in zip(ranked, truth, strict=True) if r.kind == kind]
        kinds.append(f"{len(own)} {kind}: {statistics.mean(own):.2f} (best {max(own):.2f})")
    lines = [
        f"{'SYNTHETIC DATA. ' if data.synthetic else ''}Task {config.task}, space {config.space.name}: "
        f"{len(ranked)} networks, each trained twice for {config.train.epochs} epochs from random weights; % on "
        f"validation: {'; '.join(kinds)}. Rank correlation of one seed with the other: {apart:.2f}. "
        f"{datetime.date.today()}, `{command}`.",
        "",
        "| figure | rank correlation with the trained score | mean score of the four that it puts first, % |",
        "| --- | --- | --- |",
    ]
    for name, what in FIGURES.items():
        figure = [r.figures[name] for r in ranked]
        first = sorted(range(len(ranked)), key=lambda i: -figure[i])[:4]
        best = 100 * statistics.mean(truth[i] for i in first)
        lines.append(f"| {name}: {what} | {spearman(figure, truth):.2f} | {best:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a configuration: see docs/configuration.md")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a setting of it")
    parser.add_argument("--out", type=Path, help="default: runs/search_ranks-TASK-SPACE")
    parser.add_argument("--clips", type=int, default=0, help="training clips of each class, for keyword data; 0: all")
    parser.add_argument("--networks", type=int, default=20, help="networks to train")
    parser.add_argument("--table", type=Path, help="Markdown file whose section search-ranks is replaced")
    args = parser.parse_args()
    config = load(args.config, args.set)
    out = args.out or Path("runs") / f"search_ranks-{config.task}-{config.space.name}"
    context = RunContext(config, RunDir(out), say)
    data = fewer_clips(context.data, args.clips)
    budget = budget_without_metadata(config.budget, data, context.costs)
    (out / "supernet").mkdir(parents=True, exist_ok=True)
    settings = replace(config.search, method="supernet", final_share=0.0)
    how = {"seed": config.seed, "directory": out / "supernet", "progress": say, "runtime": context.costs}
    job = SearchJob(context.space, data, budget, context.board, settings, **how)  # type: ignore[arg-type]
    fitter = job.fitter()
    cut = cut_networks(job, fitter)
    ranked = []
    for number, (kind, values) in enumerate(networks(fitter, args.networks, config.seed)):
        own = out / str(number)
        own.mkdir(exist_ok=True)
        if not (own / "ranked.json").exists():
            found = judge(kind, values, cut, config, context, data, own)
            write_atomic(own / "ranked.json", json.dumps(asdict(found), indent=1) + "\n")
        ranked.append(Ranked(**json.loads((own / "ranked.json").read_text())))
    given = "".join(f" --set {s}" for s in args.set if not s.startswith("data.path="))
    clips = f" --clips {args.clips}" if args.clips else ""
    count = "" if args.networks == 20 else f" --networks {args.networks}"
    text = table(ranked, config, data, f"python -m benchmarks.search_ranks {args.config}{given}{clips}{count}")
    print(text)
    if args.table:
        replace_section(args.table, "search-ranks", text)


if __name__ == "__main__":
    main()
