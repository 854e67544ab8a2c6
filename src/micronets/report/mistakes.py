"""`Mistake`: a misclassified example; the most confident mistakes are shown on the page of a run."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.report.markup import Markup, el, html_table, section
from micronets.terminal import counted, percent

MOST_SHOWN = 24  # of the mistakes on a page


@dataclass(frozen=True)
class Mistake:
    """A misclassified example.

    - `example`: its index in the split.
    - `file`: the path of its file relative to the directory of the data; "" if it has none.
    - `truth`, `named`: its class, and the predicted one.
    - `probability`: the probability of the predicted class, 0 to 1, by the softmax of the outputs.
    """

    example: int
    file: str
    truth: str
    named: str
    probability: float


@dataclass(frozen=True)
class Mistakes:
    """All mistakes of a model on the test split, the most confident first."""

    mistakes: tuple[Mistake, ...]


def find_mistakes(
    outputs: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[np.int64],
    classes: Sequence[str],
    files: Sequence[str] = (),
) -> Mistakes:
    """Finds the mistakes of a classifier.

    - `outputs`: logits `[N, classes]`; the largest is the prediction, the first one of a tie.
    - `labels`: the true class indices `[N]`.
    - `classes`: the names of the classes.
    - `files`: the path of each example's file, `[N]`; empty if there are none.
    """
    logits = outputs.reshape(len(outputs), -1).astype(np.float64)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    named, sure = logits.argmax(1), 1 / shares.sum(1)
    wrong = np.flatnonzero(named != labels)
    order = wrong[np.argsort(-sure[wrong], kind="stable")]
    return Mistakes(
        tuple(
            Mistake(
                example=int(i),
                file=files[i] if len(files) else "",
                truth=classes[labels[i]],
                named=classes[named[i]],
                probability=round(float(sure[i]), 4),
            )
            for i in order
        )
    )


def mistakes_section(found: Mistakes, noun: str, pictures: Sequence[bytes] = ()) -> Markup | None:
    """Shows the most confident mistakes; nothing if there are none.

    - `found`: all mistakes.
    - `noun`: the word for examples, in the plural.
    - `pictures`: the first mistakes as JPEG files, for people to look at; empty if the examples are not images.
    """
    if not found.mistakes:
        return None
    shown = found.mistakes[: len(pictures) or MOST_SHOWN]
    text = (
        f"Misclassified: {counted(len(found.mistakes), f'test {noun}')}. The most confident mistakes come first; "
        "examples with a wrong label are often among them. All are in mistakes.json."
    )
    if pictures:
        body = el("div", [_figure(m, p) for m, p in zip(shown, pictures, strict=True)], class_="pictures")
    else:
        rows = [(m.truth, m.named, percent(m.probability), m.file or f"no. {m.example}") for m in shown]
        body = html_table(("class", "named", "sure", "example"), rows, numeric=(2,), own_line="last")
    return section("Mistakes", el("p", text), body)


def _figure(mistake: Mistake, picture: bytes) -> Markup:
    """Draws a mistake as an image with its class, its predicted class, and its file below it."""
    says = f"{mistake.truth}, classified as {mistake.named} ({percent(mistake.probability)})"
    source = f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}"
    file = el("span", mistake.file, class_="small") if mistake.file else None
    return el("figure", el("img", src=source, alt=says), el("figcaption", says, el("br"), file))
