"""MLPerf Tiny's float models, quantised by `micronets import`, beside the int8 models that MLPerf Tiny publishes.

    python -m benchmarks.post_training SHARED DATA [--only kws|ic|vww] [--ways] [--docs]

SHARED has the models (models/mlperf_tiny_float and models/mlperf_tiny); DATA holds what data/unpack.py of SHARED
writes: kws/test_wav, kws/features.npz, ic, vww. `--docs` puts the table into docs/conversion.md.

The rule for calibration inputs, the same for all: as many as `micronets import` takes by default, drawn by its fixed
seed from the training split. Of the training words of kws there are no recordings here, but log-mel spectrograms, of
which `mfcc_of_log_mel` makes what the network takes. Nothing is chosen by a test set.

`--ways` tries every way to quantise vww instead, on its validation pictures: whether the way that the calibration
inputs choose is a good one.

The int8 models run as our C, whose bytes are those of TFLM, the float ones in the float interpreter. The interval of a
difference is that of paired examples: of n examples b are right in our model alone and c in the published one alone;
the difference (b - c) / n has the variance (b + c - (b - c)^2 / n) / n^2.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.tables import replace_section
from micronets import tasks
from micronets.commands.evaluate import blocks, front_end_json, known_labels, quantized, runner
from micronets.commands.import_model import CALIBRATION_EXAMPLES, drawn_inputs, import_model
from micronets.commands.invoke import invoke
from micronets.importers.calibrate import PtqSettings
from micronets.importers.equalise import EQUALISATIONS
from micronets.importers.float_tflite import read_float
from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork
from micronets.importers.ranges import RANGE_RULES
from micronets.tasks.scoring import wilson
from micronets.tflite import model_file

PAGE = Path(__file__).parents[1] / "docs/conversion.md"
NORMAL = 1.96  # standard deviations on either side that hold 95 % of a normal distribution


@dataclass(frozen=True)
class TestSet:
    """Data that a model is judged on.

    - name: what the table calls them.
    - path, split: where they are, below DATA, and which split of them is meant.
    """

    name: str
    path: str
    split: str


@dataclass(frozen=True)
class Case:
    """One model.

    - task, front_end: by which it is calibrated and tested.
    - real, published: the float model and the int8 one, below SHARED/models.
    - calibration: where its training split is, below DATA; that of kws holds log-mel spectrograms.
    - tests: what it is judged on.
    """

    task: str
    front_end: str
    real: str
    published: str
    calibration: str
    tests: tuple[TestSet, ...]


CASES = (
    Case(
        "kws", "mlperf-mfcc", "mlperf_tiny_float/kws_ref_model_float32", "mlperf_tiny/kws_ref_model",
        "kws/features.npz",
        (TestSet("2,306 sounds", "kws/test_wav", "all"),),
    ),
    Case(
        "ic", "mlperf-ic", "mlperf_tiny_float/pretrainedResnet", "mlperf_tiny/pretrainedResnet_quant", "ic/cifar10.npz",
        (TestSet("4,966 pictures", "ic/cifar10.npz", "test"),),
    ),
    Case(
        "vww", "mlperf-vww", "mlperf_tiny_float/vww_96_float", "mlperf_tiny/vww_96_int8", "vww/persons",
        (TestSet("521 of MLPerf's pictures", "vww/coco", "test"), TestSet("293 others", "vww/persons", "test")),
    ),
)  # fmt: skip


def main(shared: Path, data: Path, only: str | None, docs: bool) -> None:
    """Prints the table, as Markdown, of one model or of all."""
    head = (
        "model | test | float % | published int8 % | ours int8 % | ours less published (95 % interval) |"
        " published names the class that float does % | ours does % | how"
    )
    lines = [f"| {head} |", "|---|---|--:|--:|--:|--:|--:|--:|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if only not in (None, case.task):
                continue
            split = data / case.calibration
            calibration = training_words(split) if case.task == "kws" else split
            out = Path(folder) / f"{case.task}.tflite"
            real = shared / f"models/{case.real}.tflite"
            made = import_model(real, out, calibration, task=case.task, front_end=case.front_end)
            assert made.report is not None
            how = made.report.chosen
            words = how.words()
            paths = (shared / f"models/{case.published}.tflite", out)
            for test in case.tests:
                measured = _row(case, test, data, read_float(real.read_bytes(), str(real)), *paths)
                lines.append(f"| {case.task} | {test.name} | {measured} | {', '.join(words)} |")
                print(lines[-1], flush=True)
    lines += ["", f"{date.today().isoformat()}, `python -m benchmarks.post_training`."]
    print("\n".join(lines))
    if docs:
        replace_section(PAGE, "post-training", "\n".join(lines))


def ways(shared: Path, data: Path, docs: bool) -> None:
    """Prints a table of every way to quantise vww: how far its outputs are from float on validation pictures."""
    case = CASES[-1]
    real = shared / f"models/{case.real}.tflite"
    network = read_float(real.read_bytes(), str(real))
    found = _examples(case, network, data / case.calibration, "val")
    x = found.part(None)
    wanted = np.concatenate([execute(network, x[rows])[network.arch.output] for rows in blocks(len(x), 64)])
    lines = [
        "| ranges | equalised | biases | calibration, dB | agree % | mean error | right % |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for rule, equalise, correct in product(RANGE_RULES, EQUALISATIONS, (False, True)):
            out = Path(folder) / "way.tflite"
            settings = PtqSettings(rule, equalise, correct)
            calibration = data / case.calibration
            made = import_model(real, out, calibration, task=case.task, front_end=case.front_end, settings=settings)
            assert made.report is not None
            outputs = invoke(out, x, runtime="c")
            same = outputs.argmax(axis=1) == wanted.argmax(axis=1)
            right = outputs.argmax(axis=1) == found.labels
            cells = [rule, equalise, "yes" if correct else "no", f"{made.report.chosen.snr_db:.1f}"]
            cells += [f"{100 * same.mean():.2f}", f"{np.abs(outputs - wanted).mean():.4f}", f"{100 * right.mean():.2f}"]
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    share = 100 * float((wanted.argmax(axis=1) == found.labels).mean())
    lines += ["", f"In float {share:.2f} % of {len(x)} are right. {date.today().isoformat()},"]
    lines[-1] += " `python -m benchmarks.post_training --ways`."
    print("\n".join(lines))
    if docs:
        replace_section(PAGE, "post-training-ways", "\n".join(lines))


def _examples(case: Case, network: FloatNetwork, path: Path, split: str) -> tasks.Examples:
    """Returns the examples of a split as a model takes them."""
    height, width, channels = network.arch.input_shape
    labels, front_end = known_labels({}, case.front_end), front_end_json({}, case.front_end)
    card = tasks.Card(labels, front_end, (height, width, channels), case.real, {})
    return tasks.examples(case.task, card, path, split=split)


def training_words(pack: Path) -> npt.NDArray[np.float32]:
    """Returns MFCCs `[N, 49, 10, 1]` of as many training words as `micronets import` takes by default.

    - pack: the file of log-mel spectrograms, `x` of uint8 `[N, 98, 40]` and their `split`.
    """
    with np.load(pack) as arrays:
        rows = np.flatnonzero(arrays["split"] == "train")
        return mfcc_of_log_mel(arrays["x"][rows[drawn_inputs(len(rows), CALIBRATION_EXAMPLES)]])


def mfcc_of_log_mel(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Returns about the MFCCs `[N, 49, 10, 1]` that the front end mlperf-mfcc makes of the same sounds.

    - pixels: log-mel spectrograms `[N, 98, 40]`. A pixel is 9.85 ln P - 65.8; P is the power in a band from 0 to 4 kHz
      of 30 ms of int16 samples, by an FFT of 1,024 points.

    The front end takes every second of these frames, and of each band the sum of the magnitudes of an FFT of half as
    many points, relative to the sound's largest sample. Of n magnitudes in a band whose powers have the sum P, as noise
    has them, the sum is about 0.886 sqrt(n P); the largest sample is taken as four times the root mean square of the
    loudest frame.
    """
    log_power = (pixels.astype(np.float64) + 65.8) / 9.85
    energy = np.exp(log_power).sum(axis=2)
    largest = np.minimum(32767, 4 * np.sqrt(energy / (512 * 480 * 3 / 8)).max(axis=1))  # 3/8: the window's mean square
    mel = 1127 * np.log1p(np.arange(513) * 16000 / 1024 / 700)
    edges = np.linspace(*(1127 * np.log1p(np.array([20, 4000]) / 700)), 42)
    rising = (mel - edges[:-2, None]) / (edges[1] - edges[0])
    width = np.clip(np.minimum(rising, 2 - rising), 0, None).sum(axis=1)
    magnitude = 0.5 * log_power[:, ::2] + np.log(0.886 / 2 * np.sqrt(np.maximum(width, 0.2)))
    magnitude -= np.log(largest)[:, None, None]
    waves = np.cos(np.pi * np.arange(10)[:, None] * (2 * np.arange(40) + 1) / 80)
    return np.asarray(magnitude @ waves.T * np.sqrt(2 / 40), np.float32)[..., None]


def _row(case: Case, test: TestSet, data: Path, network: FloatNetwork, published: Path, ours: Path) -> str:
    """Returns the cells of the accuracies of the float model, the published one and ours, and how these agree."""
    found = _examples(case, network, data / test.path, test.split)
    models = {"published": _coded(published), "ours": _coded(ours)}
    outputs: dict[str, list[npt.NDArray[Any]]] = {"float": [], "published": [], "ours": []}
    for rows in blocks(len(found.labels), 64):
        x = found.part(rows)
        outputs["float"].append(execute(network, x)[network.arch.output])
        for name, run in models.items():
            outputs[name].append(run(x))
    named = {name: np.concatenate(parts).argmax(axis=1) for name, parts in outputs.items()}
    right = {name: classes == found.labels for name, classes in named.items()}
    same = [f"{100 * (named[name] == named['float']).mean():.2f}" for name in ("published", "ours")]
    count = len(found.labels)
    cells = []
    for flags in right.values():
        low, high = wilson(int(flags.sum()), count) or (0.0, 1.0)
        cells.append(f"{100 * flags.mean():.2f} ({100 * low:.1f} to {100 * high:.1f})")
    gained = int((right["ours"] & ~right["published"]).sum())
    lost = int((right["published"] & ~right["ours"]).sum())
    difference = (gained - lost) / count
    spread = NORMAL * math.sqrt(max(0.0, gained + lost - (gained - lost) ** 2 / count)) / count
    ends = f"{100 * (difference - spread):+.2f} to {100 * (difference + spread):+.2f}"
    return " | ".join([*cells, f"{100 * difference:+.2f} ({ends})", *same])


def _coded(path: Path) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]:
    """Returns a function from inputs `[N, H, W, C]` in real units to the codes that a model puts out, by our C."""
    file = model_file(path)
    run = runner(file, "c")
    return lambda x: run(quantized(file.model, x))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=[case.task for case in CASES], help="only this model")
    parser.add_argument("--ways", action="store_true", help="compare ways to quantise on validation pictures instead")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/conversion.md")
    options = parser.parse_args()
    if options.ways:
        ways(options.shared, options.data, options.docs)
    else:
        main(options.shared, options.data, options.only, options.docs)
