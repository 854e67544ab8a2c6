"""Released models and ours on the same test pictures, each through its own front end; writes a section of
docs/results.md.

Run from the repository: `python -m benchmarks.released_models [DATA] [SHARED]`, DATA holding vww/coco and ic
(default `data`), SHARED the released models (default `../shared`). Rows whose model or data are missing are left
out.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from benchmarks.tables import replace_section
from micronets import tflite
from micronets.commands import evaluate
from micronets.cost.counts import macs

RELEASED = {  # file below SHARED/models, front end
    "vww": (
        ("MicroNets vww4, 128 x 128", "micronets/vww4_128_128_INT8", "micronet-vww"),
        ("MicroNets vww2, 50 x 50", "micronets/vww2_50_50_INT8", "micronet-vww"),
        ("MLPerf Tiny VWW", "mlperf_tiny/vww_96_int8", "mlperf-vww"),
    ),
    "ic": (("MLPerf Tiny ResNet-8", "mlperf_tiny/pretrainedResnet_quant", "mlperf-ic"),),
}
OURS = {
    "vww": (("ours", "zoo/vww_f446re/model.tflite"),),
    "ic": (("ours", "zoo/ic_f446re/model.tflite"), ("ResNet-8 in our trainer", "benchmarks/ic_resnet8.tflite")),
}
TESTS = (  # task, data below DATA, what it is
    ("vww", "vww/coco", "COCO photographs, 96 x 96"),
    ("ic", "ic/cifar10.npz", "CIFAR-10, kept as JPEG"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=Path("data"))
    parser.add_argument("shared", type=Path, nargs="?", default=Path("../shared"))
    args = parser.parse_args()
    lines = [
        "| test | pictures | model | M MACs | .tflite kB | int8 accuracy % | 95 % |",
        "| --- | --: | --- | --: | --: | --: | --: |",
    ]
    for task, path, what in TESTS:
        models = [(name, Path(file), None) for name, file in OURS[task]]
        models += [
            (name, args.shared / "models" / f"{file}.tflite", front_end) for name, file, front_end in RELEASED[task]
        ]
        for name, model, front_end in models:
            if not (args.data / path).exists() or not model.exists():
                print(f"left out: {name} on {args.data / path}", file=sys.stderr)
                continue
            found = evaluate.evaluate(model, task, args.data / path, front_end=front_end)
            ops = macs(tflite.read(model.read_bytes(), str(model)).arch.steps())
            low, high = (100 * v for v in found.interval or (0.0, 1.0))
            cells = [what, f"{found.samples:,}", name, f"{ops / 1e6:.2f}", f"{model.stat().st_size / 1e3:.1f}"]
            cells += [f"{100 * found.value:.2f}", f"{low:.1f} to {high:.1f}"]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"int8 under {found.runtime.upper()}, each model through its own front end (Arm's take grey pictures). "
        f"{datetime.date.today()}, `python -m benchmarks.released_models`.",
    ]
    text = "\n".join(lines)
    print(text)
    replace_section(Path("docs/results.md"), "released", text)


if __name__ == "__main__":
    main()
