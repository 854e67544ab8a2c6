"""How hard the synthetic machines are: a small network against the plainest of scores, the clip's mean level.

A DS-CNN of 48 channels is trained on each kind of machine, once to tell the machines apart alone, and once to tell
pitches too (docs/anomaly.md), in as many steps. It is judged on the test split of the task. The level is the mean
log-mel pixel, higher or lower, whichever tells more. Run from the repository:
    python -m benchmarks.machine_faults [--seeds 3] [--epochs 6] [--table docs/results.md]
Some minutes on one core.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import replace_section
from micronets import tasks
from micronets.cost.counts import macs
from micronets.design.predict import predict
from micronets.design.torch_ops import prepare_cpu
from micronets.design.train import TrainingJob, TrainSettings, train_network
from micronets.ir.space import derive
from micronets.pipeline.config import checked_space, make_space
from micronets.tasks.ad import synthetic
from micronets.tasks.ad.auc import auc
from micronets.tasks.ad.data import AdData, anomaly_scores
from micronets.tasks.ad.task import PITCHES

WIDTH = 48


def mean_auc(data: AdData, scores: np.ndarray[Any, Any]) -> float:
    """Returns the mean over the machines of the AUC that scores of the test clips have."""
    own, abnormal = data.machine["test"], data.abnormal["test"]
    return float(np.mean([auc(scores[own == i], abnormal[own == i]) for i in np.unique(own)]))


def measure(kind: str, seeds: int, epochs: int) -> dict[str, Any]:
    """Returns the AUC of the level, and those of the network by seed, without pitches and with them."""
    found: dict[str, Any] = {"kind": kind}
    for name, pitches in (("machines", ()), ("pitches", PITCHES)):
        data = tasks.load("ad", machine=kind, pitches=pitches)
        assert isinstance(data, AdData)
        level = mean_auc(data, data.clips["test"].mean((1, 2)))
        aucs, count = by_seed(data, seeds, epochs // (1 + len(pitches)))
        found |= {name: aucs, f"macs {name}": count, "level": max(level, 1 - level), "clips": len(data.clips["test"])}
    return found


def by_seed(data: AdData, seeds: int, epochs: int) -> tuple[list[float], int]:
    """Returns the network's AUC on the test split by seed, and its number of MACs."""
    asked = checked_space("ad", {"name": "dscnn", "max_width": WIDTH}, "benchmark")
    space = make_space("ad", asked, len(data.classes), data.space_options)
    arch = derive(space, space.largest())
    settings = TrainSettings(
        epochs=epochs, qat_epochs=0, batch=128, lr=3e-3, label_smoothing=0.0, mixup=0.3, ema_decay=0.99, device="cpu"
    )
    found = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as directory:
            net = train_network(TrainingJob(arch, data, {}, settings, seed), Path(directory)).net
        logits = predict(net, data.inputs("test", {}))
        windows = len(logits) // len(data.machine["test"])
        found.append(mean_auc(data, anomaly_scores(logits, data.machine["test"], windows)))
    return found, macs(arch.steps())


def table(results: list[dict[str, Any]], epochs: int) -> str:
    """Returns the results as Markdown."""
    lines = [
        "| machine | faults | mean level, AUC | machines told apart, AUC by seed | and pitches, AUC by seed |",
        "| --- | --- | --: | --- | --- |",
    ]
    for r in results:
        each = " | ".join(", ".join(f"{v:.3f}" for v in r[name]) for name in ("machines", "pitches"))
        lines.append(f"| {r['kind']} | {', '.join(synthetic.FAULTS[r['kind']])} | {r['level']:.3f} | {each} |")
    r = results[0]
    note = (
        f"Synthetic. {r['clips']} test clips of 8 machines, half of them with a fault; a DS-CNN of {WIDTH} channels"
        f" ({r['macs machines'] / 1e6:.1f} M MACs), {epochs} epochs, or {epochs // (1 + len(PITCHES))} of "
        f"{1 + len(PITCHES)} times as many windows, float. {date.today()}, "
        f"`python -m benchmarks.machine_faults --seeds {len(r['machines'])}`."
    )
    return "\n".join([*lines, "", note])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--table", type=Path, help="Markdown file whose section is replaced by the table")
    args = parser.parse_args()
    prepare_cpu()
    results = [
        measure(kind, args.seeds, args.epochs)
        for kind in ("slider", *(k for k in synthetic.MACHINE_KINDS if k != "slider"))
    ]
    print(table(results, args.epochs))
    if args.table:
        replace_section(args.table, "machine-faults", table(results, args.epochs))


if __name__ == "__main__":
    main()
