"""MLPerf Tiny's float models, quantised by `micronets import`, beside the int8 models that MLPerf Tiny publishes.

    python -m benchmarks.post_training SHARED DATA

SHARED has the models (models/mlperf_tiny_float and models/mlperf_tiny); DATA holds what data/unpack.py of SHARED
writes: kws/test_wav, wake, noise, ic, vww. Calibration inputs are never test data: other words and noises for kws, the
training splits for ic and vww. Accuracy is that under TFLM; that of the float models is that of the float interpreter.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from micronets import tasks
from micronets.commands.evaluate import blocks, evaluate, front_end_json, known_labels
from micronets.commands.import_model import import_model
from micronets.importers.float_tflite import read_float
from micronets.importers.interpreter import execute


@dataclass(frozen=True)
class Case:
    """One model.

    - task, front_end: by which it is calibrated and tested.
    - real, published: the float model and the int8 one, below SHARED/models.
    - calibration, test: where the data are, below DATA.
    - split: the split that is tested.
    - examples: how many calibration inputs are used.
    """

    task: str
    front_end: str
    real: str
    published: str
    calibration: str
    test: str
    split: str
    examples: int


CASES = (
    Case(
        "kws", "mlperf-mfcc", "mlperf_tiny_float/kws_ref_model_float32", "mlperf_tiny/kws_ref_model", "",
        "kws/test_wav", "all", 400,
    ),
    Case(
        "ic", "mlperf-ic", "mlperf_tiny_float/pretrainedResnet", "mlperf_tiny/pretrainedResnet_quant", "ic/cifar10.npz",
        "ic/cifar10.npz", "test", 200,
    ),
    Case(
        "vww", "mlperf-vww", "mlperf_tiny_float/vww_96_float", "mlperf_tiny/vww_96_int8", "vww/persons", "vww/persons",
        "test", 200,
    ),
)  # fmt: skip


def main(shared: Path, data: Path) -> None:
    """Prints the table, as Markdown."""
    print("| model | float % | published int8 % | ours int8 % | difference | how |")
    print("|---|--:|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as folder:
        sounds = Path(folder) / "sounds"
        sounds.mkdir()
        for source in (*sorted((data / "wake").glob("*/*")), *sorted((data / "noise").glob("*"))):
            if source.is_dir():
                (sounds / f"{source.parent.name}_{source.name}").symlink_to(source.resolve())
        for case in CASES:
            calibration = data / case.calibration if case.calibration else sounds
            out = Path(folder) / f"{case.task}.tflite"
            real = shared / f"models/{case.real}.tflite"
            made = import_model(
                real, out, calibration, task=case.task, front_end=case.front_end, examples=case.examples
            )
            published, ours = (
                evaluate(path, case.task, data / case.test, split=case.split, front_end=case.front_end).value
                for path in (shared / f"models/{case.published}.tflite", out)
            )
            how = made.report.chosen
            words = [how.ranges, *(["equalised"] if how.equalise else []), *(["biases"] if how.correct_bias else [])]
            print(
                f"| {case.task} | {100 * _float_accuracy(case, real, data):.2f} | {100 * published:.2f} |"
                f" {100 * ours:.2f} | {100 * (ours - published):+.2f} | {', '.join(words)} |",
                flush=True,
            )
    print(f"\n{date.today().isoformat()}, `python -m benchmarks.post_training`.")


def _float_accuracy(case: Case, path: Path, data: Path) -> float:
    """Returns the accuracy of the float model on the test data."""
    network = read_float(path.read_bytes(), str(path))
    height, width, channels = network.arch.input_shape
    card = tasks.Card(
        known_labels({}, case.front_end), front_end_json({}, case.front_end), (height, width, channels), str(path), {}
    )
    found = tasks.examples(case.task, card, data / case.test, split=case.split)
    rows = blocks(len(found.labels), 64)
    return found.score(np.concatenate([execute(network, found.part(r))[network.arch.output] for r in rows])).value


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
