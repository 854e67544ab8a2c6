"""Two networks in plain PyTorch, trained for some minutes and read by `mn.from_torch`: float against int8 under TFLM.

    python -m benchmarks.from_torch DATA WEIGHTS [--only tcn|mobilenet] [--docs]

DATA holds what data/unpack.py of the shared data writes: kws/features.npz and ic/cifar10.npz. WEIGHTS is a directory
where the float weights are kept, so that a second run trains nothing in float. Training sees the training split alone,
and calibration 400 examples of it. `--docs` puts the table into docs/conversion.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

import micronets as mn
from benchmarks.tables import replace_section
from micronets.progress import Event, Progress, StepEvent
from micronets.tasks.scoring import wilson
from tests.support.torch_networks import MobileNetV2, Tcn

PAGE = Path(__file__).parents[1] / "docs/conversion.md"
BATCH = 128
SIDE = 24  # pixels of a side that the network for pictures gets
VALIDATION = 1000  # examples by which the best epoch is chosen


@dataclass(frozen=True)
class Case:
    """One network and how it is trained.

    - key: by which the command line names it.
    - name: what the table calls it.
    - make: makes the module.
    - load: reads its data from a file below DATA: inputs as the module takes them, labels and names of the splits.
    - disturb: changes a batch of training inputs.
    - examples, epochs, lr: how many training examples there are, how often each is seen, and the highest learning rate.
    - seen: what of an example the network gets where nothing is disturbed.
    - tuned_on: how many of these are seen once more with quantisation simulated.
    """

    key: str
    name: str
    make: Callable[[], nn.Module]
    load: Callable[[Path], tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.str_]]]
    disturb: Callable[[Tensor], Tensor]
    examples: int
    epochs: int
    lr: float
    seen: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]] = lambda x: x
    tuned_on: int = 8_000


def words(data: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    """Returns log-mel spectrograms as sequences [40 bands, 49 times]; of silence, class 0, the splits have none."""
    with np.load(data / "kws/features.npz") as pack:
        x = (pack["x"][:, ::2].transpose(0, 2, 1) / np.float32(127.5) - 1).astype(np.float32)
        return x, pack["y"] - 1, pack["split"]


def shifted(x: Tensor) -> Tensor:
    """Moves sequences by up to 5 places in time."""
    return torch.roll(x, int(torch.randint(-5, 6, ())), 2)


def pictures(data: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    """Returns the pictures of CIFAR-10, [3, 32, 32], of which the network gets 24 x 24 pixels."""
    with np.load(data / "ic/cifar10.npz") as pack:
        x = (pack["x"].transpose(0, 3, 1, 2) / np.float32(127.5) - 1).astype(np.float32)
        return x, pack["y"], pack["split"]


def cut_out(x: Tensor) -> Tensor:
    """Returns a part of each picture, somewhere, of 24 x 24 pixels; half of them are mirrored."""
    x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    rows, columns = (torch.arange(SIDE) + torch.randint(0, 33 - SIDE, (len(x), 1)) for _ in range(2))
    parts = x.permute(0, 2, 3, 1)[torch.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return parts.permute(0, 3, 1, 2)


def middle(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the 24 x 24 pixels in the middle of each picture."""
    return np.ascontiguousarray(x[:, :, 4 : 4 + SIDE, 4 : 4 + SIDE])


CASES = (
    Case("tcn", "TCN, 11 words", lambda: Tcn(40, 11, (32, 32, 32, 32)), words, shifted, 41_473, 3, 4e-3),
    Case(
        "mobilenet", "MobileNetV2 0.35, CIFAR-10", lambda: MobileNetV2(10, 0.35, (1, 2, 2, 1, 1, 1, 2, 1)), pictures,
        cut_out, 49_000, 12, 8e-3, middle,
    ),
)  # fmt: skip


def trained(case: Case, x: Tensor, y: Tensor) -> nn.Module:
    """Returns the module after a training in plain PyTorch."""
    module: nn.Module = case.make().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(module.parameters(), weight_decay=0.02)
    steps = case.epochs * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, case.lr, steps)
    module.train()
    for epoch in range(case.epochs):
        order = torch.randperm(len(x))
        for i in range(len(x) // BATCH):
            rows = order[i * BATCH : (i + 1) * BATCH]
            loss = nn.functional.cross_entropy(module(case.disturb(x[rows])), y[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        print(f"{case.name}: epoch {epoch + 1} of {case.epochs}, loss {loss.item():.3f}", flush=True)
    return module.eval()


def channels_last(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns maps and sequences of PyTorch as networks take them here: [N, H, W, C] and [N, T, 1, C]."""
    moved = np.moveaxis(x, 1, -1)
    return np.ascontiguousarray(moved if moved.ndim == 4 else moved[:, :, None])


def row(case: Case, data: Path, weights: Path, folder: Path) -> str:
    """Returns the row of one network."""
    torch.manual_seed(0)
    x, y, split = case.load(data)
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(split == "train"))  # files are sorted by class
    rows = {"train": np.sort(drawn[: case.examples]), "test": np.flatnonzero(split == "test")}
    others = np.random.default_rng(0).permutation(np.flatnonzero(split == "val"))
    rows["val"] = (others if len(others) else drawn[case.examples :])[:VALIDATION]  # CIFAR-10 has no val of its own
    saved = weights / f"{case.make().__class__.__name__}.pt"
    if saved.exists():
        module = case.make()
        module.load_state_dict(torch.load(saved, weights_only=True))
        module.eval()
    else:
        module = trained(case, torch.from_numpy(x[rows["train"]]), torch.from_numpy(y[rows["train"]]))
        weights.mkdir(parents=True, exist_ok=True)
        torch.save(module.state_dict(), saved)
    x = case.seen(x)
    test, labels = x[rows["test"]], y[rows["test"]]
    with torch.no_grad():
        real = np.concatenate([module(torch.from_numpy(test[i : i + 256])).numpy() for i in range(0, len(test), 256)])
    network = mn.from_torch(module, torch.from_numpy(test[:1]))
    rows["train"] = drawn[: case.tuned_on]
    given = {name: channels_last(x[at]) for name, at in rows.items()}
    examples: Any = mn.arrays(
        given["train"], y[rows["train"]], x_val=given["val"], y_val=y[rows["val"]], x_test=given["test"], y_test=labels,
        standardise=False,
    )  # fmt: skip
    mn.export(network, folder / "after.tflite", examples)
    settings = mn.TrainSettings(epochs=0, qat_epochs=1, batch=BATCH, qat_lr=2e-4, precision="fp32")
    tuned = mn.train(network, examples, settings=settings, progress=_tell(case.name))
    mn.export(tuned, folder / "tuned.tflite", examples)
    right = {"float": real.argmax(1) == labels}
    for name in ("after", "tuned"):
        outputs = mn.invoke(folder / f"{name}.tflite", given["test"], runtime="tflm")
        right[name] = outputs.argmax(1) == labels
    low, high = wilson(int(right["float"].sum()), len(labels)) or (0.0, 1.0)
    percent = {name: 100 * float(values.mean()) for name, values in right.items()}
    cost = mn.inspect(folder / "after.tflite", "NUCLEO-F446RE")
    return (
        f"| {case.name} | {cost.macs / 1e6:.2f} M | {cost.arena_c_bytes:,} | {len(labels):,} |"
        f" {percent['float']:.2f} ({100 * low:.1f} to {100 * high:.1f}) |"
        f" {percent['after']:.2f} | {percent['after'] - percent['float']:+.2f} |"
        f" {percent['tuned']:.2f} | {percent['tuned'] - percent['float']:+.2f} |"
    )


def _tell(name: str) -> Progress:
    last = [0]

    def told(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step >= last[0] + 100:
            last[0] = event.step
            print(f"{name}: {event.stage}, step {event.step} of {event.steps}", flush=True)

    return told


def main() -> None:
    """Trains, compares, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--only", choices=[case.key for case in CASES], help="only this network")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/conversion.md")
    options = parser.parse_args()
    head = (
        "network | MACs | arena, our C | test examples | float % (95 % interval) | int8 after training % | difference |"
        " int8 trained on % | difference"
    )
    lines = [f"| {head} |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for case in CASES:
        if options.only not in (None, case.key):
            continue
        with tempfile.TemporaryDirectory() as folder:
            lines.append(row(case, options.data, options.weights, Path(folder)))
            print(lines[-1], flush=True)
    lines += ["", f"{date.today().isoformat()}, `python -m benchmarks.from_torch`."]
    print("\n".join(lines))
    if options.docs:
        replace_section(PAGE, "from-torch", "\n".join(lines))


if __name__ == "__main__":
    main()
