"""The examples that got a wrong class: how they are found, and how the page shows them."""

import base64
import re

import numpy as np
import pytest

from micronets.report.markup import Markup
from micronets.report.mistakes import MOST_SHOWN, Mistake, Mistakes, find_mistakes, mistakes_section


def shown(found: Mistakes, pictures: tuple[bytes, ...] = ()) -> Markup:
    text = mistakes_section(found, "images", pictures)
    assert text is not None
    return text


def test_the_surest_mistake_comes_first() -> None:
    outputs = np.array([[0.0, 1.0], [3.0, 0.0], [2.0, 5.0], [0.0, 4.0]], np.float32)
    labels = np.array([0, 0, 1, 0])
    found = find_mistakes(
        outputs, labels, ("cat", "dog"), ("cat/a.png", "cat/b.png", "dog/c.png", "cat/d.png")
    ).mistakes
    assert [(m.example, m.file, m.truth, m.named) for m in found] == [
        (3, "cat/d.png", "cat", "dog"),
        (0, "cat/a.png", "cat", "dog"),
    ]
    assert found[0].probability == pytest.approx(1 / (1 + np.exp(-4.0)), abs=1e-4)
    assert find_mistakes(outputs, labels, ("cat", "dog")).mistakes[0].file == ""


def test_logits_that_a_float_cannot_raise_to_a_power_are_compared() -> None:
    found = find_mistakes(np.array([[1000.0, -1000.0]]), np.array([1]), ("a", "b")).mistakes
    assert found[0].probability == 1.0


def test_a_page_shows_pictures_with_what_they_were_taken_for() -> None:
    found = Mistakes((Mistake(7, "cat/<b>.png", "<i>cat", "dog", 0.97),))
    text = shown(found, (b"JPEG",))
    assert base64.b64encode(b"JPEG").decode() in text
    assert "&lt;i&gt;cat, classified as dog (97.00 %)" in text
    assert "cat/&lt;b&gt;.png" in text
    assert "<b>" not in text
    assert "<i>" not in text


def test_a_page_lists_what_is_no_picture() -> None:
    many = Mistakes(tuple(Mistake(i, "", "yes", "no", 0.5) for i in range(MOST_SHOWN + 5)))
    text = shown(many)
    assert "Misclassified: 29 test images" in text
    assert len(re.findall(r"<td>no\. \d+</td>", text)) == MOST_SHOWN


def test_a_model_without_mistakes_has_no_such_section() -> None:
    assert mistakes_section(Mistakes(()), "images") is None
