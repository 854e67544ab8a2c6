"""Ways to hear a fault, compared: our network's surprise, distances in its embedding, and an autoencoder.

The network is the one of docs/anomaly.md (a DS-CNN that tells machines and pitches apart), float. Its embedding is what
its last layer reads. From the windows that a machine was trained on come two scores of a window: the Mahalanobis
distance, and the mean distance of the two nearest. The autoencoder is that of MLPerf Tiny and DCASE 2020 (640 inputs,
4 x 128, 8, 4 x 128, 640 outputs, batch norm and ReLU between them); it reads 10 frames of the same 64 bands, one
learns all machines of a kind, and its score is the mean squared error. A clip scores the mean over its windows.

Synthetic machines are judged on the test split, real ones by leaving one out: each sound clip in turn is kept from
training, and compared with every faulty clip of its machine. Run from the repository:
    python -m benchmarks.anomaly_methods [--real DIR] [--seeds 2] [--table docs/results.md]
DIR has machines as docs/anomaly.md describes. About half an hour on one core, and as long for 65 real clips.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from benchmarks.tables import replace_section
from micronets import tasks
from micronets.cost.counts import macs, params
from micronets.design.net import Net
from micronets.design.predict import predict
from micronets.design.torch_ops import prepare_cpu
from micronets.design.train import TrainingJob, TrainSettings, train_network
from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.pipeline.config import checked_space, make_space
from micronets.tasks.ad import synthetic
from micronets.tasks.ad.auc import auc, interval, partial_auc
from micronets.tasks.ad.data import AdData, anomaly_scores
from micronets.tasks.ad.settings import LOGMEL, Windows
from micronets.tasks.ad.task import standardised
from micronets.tasks.base import TaskData

WIDTH = 48
FRAMES = 10  # of the autoencoder: 640 inputs, as many as MLPerf's
METHODS = ("surprise", "Mahalanobis", "nearest", "autoencoder")
RECIPE = TrainSettings(
    epochs=2, qat_epochs=0, batch=128, lr=3e-3, label_smoothing=0.0, mixup=0.3, ema_decay=0.99, device="cpu"
)
FEW_CLIPS = replace(RECIPE, epochs=20, batch=32)  # docs/anomaly.md, "A machine of your own"
AUTOENCODER_STEPS, FEW_CLIPS_STEPS = 2000, 500

Scores = npt.NDArray[np.float64]


def scores(data: AdData, settings: TrainSettings, steps: int, seed: int) -> dict[str, Scores]:
    """Trains on the train split, and returns the scores of the test clips `[C]` by method.

    - `settings`, `steps`: how the network is trained, and in how many steps the autoencoder.
    """
    net = trained(data, settings, seed)
    logits = predict(net, data.inputs("test", {}))
    own = data.machine["test"]
    found = {"surprise": anomaly_scores(logits, own, len(logits) // len(own))}
    heard = data.windows.count(data.clips["train"].shape[1]) * len(data.clips["train"])  # without the other pitches
    train = embedding(net, data.inputs("train", {}, np.arange(heard)))
    test = embedding(net, data.inputs("test", {}))
    found |= {name: np.zeros(len(own)) for name in ("Mahalanobis", "nearest")}
    for machine in np.unique(own):
        known = train[data.labels("train")[:heard] == machine]
        asked = test[np.repeat(own, len(test) // len(own)) == machine]
        for name, each in (("Mahalanobis", mahalanobis(known, asked)), ("nearest", nearest(known, asked))):
            found[name][own == machine] = each.reshape((own == machine).sum(), -1).mean(1)
    return found | {"autoencoder": autoencoder(data.clips["train"], data.clips["test"], steps, seed)}


def network(data: TaskData) -> Arch:
    """Returns the network of docs/anomaly.md, of `WIDTH` channels."""
    asked = checked_space("ad", {"name": "dscnn", "max_width": WIDTH}, "benchmark")
    space = make_space("ad", asked, len(data.classes), data.space_options)
    return derive(space, space.largest())


def trained(data: AdData, settings: TrainSettings, seed: int) -> Net:
    """Trains the network on the train split."""
    with tempfile.TemporaryDirectory() as directory:
        job = TrainingJob(network(data), data, {}, settings, seed)
        return train_network(job, Path(directory)).net


def embedding(net: Net, x: npt.NDArray[np.float32]) -> Scores:
    """Computes what the last layer reads, `[N, features]`, of inputs `[N, H, W, C]`."""
    net.eval()
    name = net.steps[-1].layer.inputs[0]
    with torch.inference_mode():
        parts = [net.tensors(torch.from_numpy(x[i : i + 256]))[name].flatten(1) for i in range(0, len(x), 256)]
    return torch.cat(parts).double().numpy()


def mahalanobis(known: Scores, asked: Scores) -> Scores:
    """Returns the squared Mahalanobis distances `[M]` of `asked` `[M, F]` from `known` `[N, F]`.

    A thousandth of the mean variance is added to every variance, so that few windows suffice.
    """
    spread = np.cov(known.T)
    spread += np.eye(len(spread)) * (1e-3 * np.trace(spread) / len(spread) + 1e-12)
    away = asked - known.mean(0)
    found: Scores = np.einsum("mf,fg,mg->m", away, np.linalg.inv(spread), away)
    return found


def nearest(known: Scores, asked: Scores, count: int = 2) -> Scores:
    """Returns the mean distances `[M]` of `asked` `[M, F]` from the `count` nearest of `known` `[N, F]`."""
    squares = (asked**2).sum(1)[:, None] + (known**2).sum(1) - 2 * asked @ known.T
    found: Scores = np.sqrt(np.maximum(np.sort(squares, 1)[:, :count], 0)).mean(1)
    return found


def autoencoder_sizes(bands: int) -> list[int]:
    """Returns the numbers of values between the layers of the autoencoder, input and output included."""
    return [FRAMES * bands, 128, 128, 128, 128, 8, 128, 128, 128, 128, FRAMES * bands]


def autoencoder(train: npt.NDArray[np.uint8], test: npt.NDArray[np.uint8], steps: int, seed: int) -> Scores:
    """Trains an autoencoder on log-mels `[C, T, 64]`, and returns the mean squared errors of test clips `[C]`."""
    torch.manual_seed(seed)
    sizes = autoencoder_sizes(train.shape[2])
    hidden = [
        part for n, m in itertools.pairwise(sizes[:-1]) for part in (nn.Linear(n, m), nn.BatchNorm1d(m), nn.ReLU())
    ]
    net = nn.Sequential(*hidden, nn.Linear(sizes[-2], sizes[-1]))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    mean, deviation = float(train.mean()), max(1.0, float(train.std()))
    clips = torch.from_numpy((train.astype(np.float32) - mean) / deviation)
    draw = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        clip = torch.randint(len(clips), (512, 1), generator=draw)
        start = torch.randint(clips.shape[1] - FRAMES + 1, (512, 1), generator=draw)
        x = clips[clip, start + torch.arange(FRAMES)].flatten(1)
        loss = ((net(x) - x) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    net.eval()
    asked = torch.from_numpy((test.astype(np.float32) - mean) / deviation)
    with torch.inference_mode():
        windows = (c.unfold(0, FRAMES, 1).transpose(1, 2).flatten(1) for c in asked)
        return np.array([float(((net(x) - x) ** 2).mean()) for x in windows])


@dataclass(frozen=True)
class Row:
    """The result of a method on a kind of machine: mean AUC and pAUC over machines, and the interval of the AUC."""

    kind: str
    method: str
    auc: float
    pauc: float | None
    interval: tuple[float, float] | None


def synthetic_rows(kind: str, seeds: int) -> list[Row]:
    """Returns the results on the test split of synthetic machines; scores of seeds are averaged after judging."""
    data = tasks.load("ad", machine=kind)
    assert isinstance(data, AdData)
    own, abnormal = data.machine["test"], data.abnormal["test"]
    by_seed = [scores(data, RECIPE, AUTOENCODER_STEPS, seed) for seed in range(seeds)]
    rows = []
    for method in METHODS:
        groups = [[(s[method][own == i], abnormal[own == i]) for i in np.unique(own)] for s in by_seed]
        each = [[(auc(*g), partial_auc(*g)) for g in machines] for machines in groups]
        mean = np.mean(each, (0, 1))
        rows.append(Row(kind, method, float(mean[0]), float(mean[1]), interval(groups[0])))
    return rows


def fold(data: AdData, left_out: int) -> AdData:
    """Returns data that train on all sound clips but one, and test it and the faulty clips of its machine.

    - `data`: all clips in the split "all".
    - `left_out`: the number of the sound clip.
    """
    clips, machine, abnormal = data.clips["all"], data.machine["all"], data.abnormal["all"]
    learnt = np.flatnonzero(~abnormal & (np.arange(len(clips)) != left_out))
    asked = np.concatenate([[left_out], np.flatnonzero(abnormal & (machine == machine[left_out]))])
    ends = data.windows.frames + 2 * data.windows.hop  # three windows of each clip choose the epoch
    parts = {"train": clips[learnt, :-ends], "val": clips[learnt, -ends:], "test": clips[asked]}
    rows = {"train": learnt, "val": learnt, "test": asked}
    return replace(
        data,
        windows=replace(data.windows, logmel=standardised(data.windows.logmel, parts["train"])),
        clips=parts,
        machine={s: machine[at] for s, at in rows.items()},
        abnormal={s: abnormal[at] for s, at in rows.items()},
    )


def real_rows(path: Path, kind: str) -> tuple[list[Row], int]:
    """Returns the results on real machines by leaving one sound clip out at a time, and the number of clips.

    The AUC of a machine is the mean, over its sound clips, of the share of its faulty clips that the network trained
    without the sound clip finds stranger than it. The interval is that of the bootstrap over machines and clips.
    """
    data = tasks.load("ad", path=path, machine=kind, splits=("all",))
    assert isinstance(data, AdData)
    wins: dict[str, dict[int, list[npt.NDArray[np.float64]]]] = {m: {} for m in METHODS}
    machine, abnormal = data.machine["all"], data.abnormal["all"]
    for left_out in np.flatnonzero(~abnormal):
        if (abnormal & (machine == machine[left_out])).any():
            found = scores(fold(data, int(left_out)), FEW_CLIPS, FEW_CLIPS_STEPS, seed=0)
            for method, s in found.items():
                won = (s[1:] > s[0]) + 0.5 * (s[1:] == s[0])
                wins[method].setdefault(int(machine[left_out]), []).append(won)
    rows = []
    for method in METHODS:
        tables = [np.array(won) for won in wins[method].values()]
        mean = float(np.mean([t.mean() for t in tables]))
        rows.append(Row(kind, method, mean, None, resampled(tables)))
    return rows, len(machine)


def resampled(tables: Sequence[Scores]) -> tuple[float, float]:
    """Returns the 95 % interval of the mean of tables `[sound, faulty]`: tables, rows and columns are drawn anew."""
    rng = np.random.default_rng(0)
    means = []
    for _ in range(1000):
        drawn = [tables[i] for i in rng.integers(len(tables), size=len(tables))]
        means.append(
            np.mean([t[rng.integers(len(t), size=len(t))][:, rng.integers(t.shape[1], size=t.shape[1])].mean()
                     for t in drawn])
        )  # fmt: skip
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def table(made: Sequence[Row], real: Sequence[Row], facts: Mapping[str, Any]) -> str:
    """Returns the results as Markdown."""
    lines = ["| machine | " + " | ".join(METHODS) + " |", "| --- |" + " --: |" * len(METHODS)]
    for what, rows in (("synthetic", made), ("real", real)):
        for kind in dict.fromkeys(r.kind for r in rows):
            cells = []
            for r in (r for r in rows if r.kind == kind):
                spread = f" [{r.interval[0]:.2f}, {r.interval[1]:.2f}]" if r.interval else ""
                cells.append(f"{r.auc:.3f}{'' if r.pauc is None else f' / {r.pauc:.3f}'}{spread}")
            lines.append(f"| {what} {kind} | {' | '.join(cells)} |")
    n = facts["seeds"]
    command = f"python -m benchmarks.anomaly_methods --seeds {n}{' --real DIR' if real else ''}"
    note = (
        f"AUC / pAUC, mean over machines [95 % interval]. Synthetic: 256 test clips a kind, half of them with a fault, "
        f"{f'mean of {n} seeds (the interval is that of the first)' if n > 1 else 'one seed'}. "
    )
    own, layers = facts["network"].steps(), itertools.pairwise(autoencoder_sizes(LOGMEL.n_mels))
    note += (
        f"The network has {params(own):,.0f} parameters and takes {macs(own) / 1e6:.1f} M MACs for a window, one "
        f"every {Windows().hop} frames; the autoencoder has {sum(n * m for n, m in layers):,} weights, and takes as "
        "many MACs every frame. "
    )
    if real:
        note += f"Real: AUC on {facts['clips']} clips of MIMII, leaving one sound clip out at a time. "
    return "\n".join([*lines, "", f"{note}{date.today()}, `{command}`."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--real", type=Path, help="directory of real machine sounds")
    parser.add_argument("--table", type=Path, help="Markdown file whose section is replaced by the table")
    args = parser.parse_args()
    prepare_cpu()
    made: list[Row] = []
    real: list[Row] = []
    clips = 0
    for kind in ("slider", *(k for k in synthetic.MACHINE_KINDS if k != "slider")):
        made += synthetic_rows(kind, args.seeds)
        print(*made[-len(METHODS) :], sep="\n", flush=True)
        if args.real:
            rows, count = real_rows(args.real, kind)
            real, clips = real + rows, clips + count
            print(*rows, sep="\n", flush=True)
    text = table(made, real, {"seeds": args.seeds, "clips": clips, "network": network(tasks.load("ad"))})
    print(text)
    if args.table:
        replace_section(args.table, "anomaly-methods", text)


if __name__ == "__main__":
    main()
