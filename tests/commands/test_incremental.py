"""`app` and `listen` make a model take the new frames alone where that computes less; it decides the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from micronets.commands.app import app
from micronets.commands.front_end import with_front_end
from micronets.commands.incremental import new_frames_alone
from micronets.commands.listen import ModelListener
from micronets.frontend.gaps import LongRecording
from micronets.streaming import Stream, steps_of
from micronets.tflite import read
from tests.support.listening import DETECTORS, columns_model, listening_model, sound
from tests.support.micro import wake_model
from tests.support.stateful import counter

SLOW = replace(DETECTORS["slow"], hop_frames=6)


def test_a_network_without_padding_along_time_takes_the_new_frames() -> None:
    whole = columns_model("log-mel", SLOW)
    found = new_frames_alone(whole)
    steps = steps_of(found.model)
    assert steps is not None
    assert steps.frames == 2
    assert steps_of(read(found.content)) == steps
    samples = sound(1.5)
    want = Stream(whole).feed(samples)
    heard = [word for piece in ModelListener(whole).moments(LongRecording(samples)) for word in piece.words]
    assert [word.time for word in heard] == [d.time / 16_000 for d in want]
    assert want


@pytest.mark.parametrize(
    "model",
    [
        listening_model("log-mel", SLOW),  # one layer over the whole window: as much work for each frame
        columns_model("log-mel", replace(SLOW, hop_frames=3)),  # steps of two frames
        with_front_end(wake_model(), "micro", ["hey"]).model,
        counter(),
    ],
    ids=["no less work", "a detector between two steps", "steps already", "no sound"],
)
def test_any_other_model_stays_as_it_is(model) -> None:  # type: ignore[no-untyped-def]
    found = new_frames_alone(model)
    assert found.model is model


def test_an_application_takes_the_new_frames(tmp_path: Path) -> None:
    app(columns_model("log-mel", SLOW), "NUCLEO-F446RE", tmp_path / "app", name="net")
    header = (tmp_path / "app/network/net_stream.h").read_text()
    assert "The network takes 2 frames at a time" in header
    assert "every 60 ms" in (tmp_path / "app/README.md").read_text()
