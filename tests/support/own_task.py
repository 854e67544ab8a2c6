"""A task as a user writes one, in a file of its own: two kinds of maps, told apart by which half is bright."""

GOOD = """\
import dataclasses

import numpy as np

from micronets.tasks import Examples, Outline, Task
from micronets.tasks.scoring import classification


@dataclasses.dataclass(frozen=True)
class Options:
    path: str = ""
    count: int = 64


class Halves:
    name = "halves"
    classes = ("upper", "lower")
    source = "synthetic halves"
    synthetic = True
    noun = "maps"
    metric = "accuracy"
    input_settings = ()
    space_options = {"height": 8, "width": 6, "channels": 1}
    notes = ()

    def __init__(self, count):
        rng = np.random.default_rng(0)
        self.y = {s: np.arange(count) % 2 for s in ("train", "val", "test")}
        self.x = {s: rng.normal(0, 0.3, (count, 8, 6, 1)).astype(np.float32) for s in self.y}
        for s, y in self.y.items():
            for i, c in enumerate(y):
                self.x[s][i, 4 * c : 4 * c + 4] += 1

    def size(self, split):
        return len(self.y[split])

    def labels(self, split):
        return self.y[split]

    def epoch(self, rng):
        return rng.permutation(self.size("train"))

    def input_shape(self, settings):
        return (8, 6, 1)

    def inputs(self, split, settings, indices=None):
        return self.x[split] if indices is None else self.x[split][indices]

    def augmented(self, indices, settings, generator):
        import torch

        return torch.from_numpy(self.x["train"][indices.cpu().numpy()])

    def evaluate(self, outputs, split):
        return classification(outputs, self.y[split], 2, self.noun)

    def metadata(self, settings):
        return {"micronets.task": self.name}


def load(path=None, count=64):
    return Halves(count)


def outline(options):
    return Outline(2, Halves.space_options)


def examples(card, path, *, split="test", test=None):
    data = Halves(64)
    part = lambda rows: data.inputs(split, {}, rows)
    score = lambda outputs: data.evaluate(outputs, split)
    return Examples(part, data.labels(split), data.classes, score, data.source, True, data.noun, ())


TASK = Task(
    name="halves", about="which half of a map is bright", inputs="features",
    options=Options, load=load, outline=outline, examples=examples,
)
"""
