"""`--front-end micro`: a stranger's network listens, is tuned, compiled, measured, and becomes an application."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from micronets.commands.front_end import with_front_end
from micronets.compiler import compile_model
from micronets.frontend import encode_wav, read_recording
from micronets.frontend.image import ImageFrontEnd
from micronets.frontend.integer import integer_samples
from micronets.streaming import Stream, plan_stream
from micronets.tflite import read, write
from tests.streaming.test_stream import COnHost
from tests.support.calling import call
from tests.support.generated_c import needs_host_compiler
from tests.support.listening import listening_model, sound
from tests.support.micro import speech_model, wake_model
from tests.support.needs import needs
from tests.support.pictures import model_of
from tests.support.stateful import streaming


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "hey.tflite"
    path.write_bytes(write(wake_model()))
    return path


def test_a_model_is_named_by_its_file_where_it_has_one_output(model: Path) -> None:
    plan = plan_stream(with_front_end(model, "micro").model, "it")
    assert plan.labels == ("hey",)
    assert with_front_end(model, "micro").content == model.read_bytes()


def test_tune_writes_a_model_that_needs_no_option_any_more(model: Path, tmp_path: Path) -> None:
    recording, labels, out = tmp_path / "day.wav", tmp_path / "day.csv", tmp_path / "tuned.tflite"
    recording.write_bytes(encode_wav(sound(8, seed=4), 16000))
    labels.write_text("start,end,label\n2,3,hey\n5,6,hey\n")
    named = ("--front-end", "micro", "--classes", "hey", "--runtime", "reference")
    words = ("--stream", str(recording), "--labels", str(labels), "--json")
    found = call("tune", str(model), *named, *words, "--false-accepts-per-hour", "3600", "--out", str(out))
    assert found.code == 0, found.err
    after = json.loads(found.out)["after"]
    assert set(read(out.read_bytes()).metadata) >= {"micronets.frontend", "micronets.detector", "micronets.labels"}
    again = call("evaluate", str(out), *words, "--runtime", "reference")
    assert json.loads(again.out)["detections"] == after["detections"]
    heard = call("listen", str(out), "--input", str(recording), "--json")
    assert [json.loads(line)["time"] for line in heard.out.splitlines()] == [d["time"] for d in after["detections"]]
    assert after["detections"]


def test_costs_count_the_front_end(model: Path) -> None:
    needs("unicorn", "sim")
    named = ("--front-end", "micro", "--board", "NUCLEO-F446RE", "--json")
    estimated = json.loads(call("inspect", str(model), *named).out)["front_end"]
    found = call("measure", str(model), *named, "--samples", "1")
    assert found.code == 0, found.err
    measured = json.loads(found.out)
    assert measured["bit_exact"]
    own = measured["front_end"]
    assert own["bit_exact"]
    assert (own["frames"], own["frames_a_second"]) == (3, 100)
    assert own["inferences_a_second"] == pytest.approx(100 / 3)
    assert estimated["frame_cycles"] == pytest.approx(own["frame_core_cycles"], rel=0.25)  # inspect's has waits
    assert estimated["flash_bytes"] == pytest.approx(own["flash_bytes"], rel=0.05)
    kept = 2 * 480 + 3 * 40 + 4 * 40
    assert kept < own["sram_bytes"] < kept + 4 * 512  # some of the scratch memory lies in the arena


def test_what_cannot_be_is_one_clear_line(model: Path, tmp_path: Path) -> None:
    four, narrow, trained = tmp_path / "four.tflite", tmp_path / "narrow.tflite", tmp_path / "trained.tflite"
    four.write_bytes(write(speech_model()))
    narrow.write_bytes(write(streaming(0)))
    trained.write_bytes(write(listening_model()))
    cases = [
        ((model, "--front-end", "mikro"), "--front-end mikro: is not known; did you mean 'micro'?"),
        ((model, "--classes", "hey"), "--classes hey: names the outputs of a model with --front-end; leave it out"),
        (
            (model, "--front-end", "micro", "--classes", "a,b"),
            "1 output, and --classes has 2 names; name each once",
        ),
        ((four, "--front-end", "micro-20ms"), "has 4 outputs, and it carries no names for them; name each once"),
        ((four, "--front-end", "micro", "--classes", "a,b,c,c"), "--classes has 4 names; name each once"),
        ((narrow, "--front-end", "micro"), "gives 40 values for each frame; take a model that was trained on it"),
        (
            (trained, "--front-end", "micro"),
            "carries the front end that it was trained on; leave --front-end micro out",
        ),
    ]
    for words, error in cases:
        found = call("inspect", *map(str, words), "--board", "NUCLEO-F446RE")
        assert found.code == 2, words
        assert error in found.err
        assert len(found.err.splitlines()) == 1
    found = call("evaluate", str(four), "--front-end", "micro")
    assert found.err.endswith(
        "TFLM's own front end adapts to the noise of a stream; evaluate the model with --stream\n"
    )


def test_a_wake_word_of_the_field_is_heard_and_the_c_decides_the_same(shared: Path, tmp_path: Path) -> None:
    """microWakeWord's alexa hears recordings of alexa, and nothing in those of other words."""
    network, recordings = shared / "models/field/9011a815_alexa.tflite", shared / "data/wake_words_16k.zip"
    if not (network.exists() and recordings.exists()):
        pytest.skip("needs the models and recordings of ../shared")
    folder = tmp_path / "words"
    with zipfile.ZipFile(recordings) as archive:
        index = archive.read("index.csv").decode().splitlines()[1:]
        rows = [row.split(",") for row in index]
        for label, place, count in (("alexa", "alexa", 12), ("computer", "computer", 12)):
            chosen = [row[0] for row in rows if row[3] == label and row[1] == "test"][:count]
            (folder / place).mkdir(parents=True)
            for name in chosen:
                (folder / place / Path(name).name).write_bytes(archive.read(name))
    noise = folder / "_background_noise_/noise.wav"
    noise.parent.mkdir()
    noise.write_bytes(encode_wav(sound(20, seed=1) // 50, 16000))
    pytest.importorskip("soundfile")
    named = ("--front-end", "micro", "--classes", "alexa", "--stream", "composed", "--data", str(folder))
    found = call("evaluate", str(network), *named, "--seconds", "40", "--runtime", "c", "--json")
    assert found.code == 0, found.err
    one = json.loads(found.out)
    assert one["said"] >= 4
    assert one["detected"] >= 0.7 * one["said"]
    assert one["false_accepts"] == 0
    needs_host_compiler()
    model = with_front_end(network, "micro", ["alexa"]).model
    words = [read_recording(path).samples for path in sorted((folder / "alexa").iterdir())[:2]]
    samples = integer_samples(np.concatenate([np.zeros(16_000), *words])).astype(np.int16)
    (tmp_path / "c").mkdir()
    want = Stream(model).feed(samples)
    assert COnHost(compile_model(model, name="net"), tmp_path / "c").feed(samples) == want
    assert want


@pytest.fixture
def view(tmp_path: Path) -> Path:
    """Returns the path of an image model whose front end has no camera."""
    path = tmp_path / "view.tflite"
    path.write_bytes(write(model_of(ImageFrontEnd(resolution=16))))
    return path


def test_a_camera_counts_with_the_network(view: Path) -> None:
    found = {}
    for name, options in {"alone": (), "both": ("--camera", "32x24:gray")}.items():
        one = call("inspect", str(view), "--board", "NUCLEO-F446RE", "--json", *options)
        assert one.code == 0, one.err
        found[name] = json.loads(one.out)
    one = found["both"]["front_end"]
    assert found["alone"]["front_end"] is None
    assert (one["frames"], one["frames_a_second"]) == (1, None)
    for name, more in (("latency_ms", one["latency_ms"]), ("flash_c_bytes", one["flash_bytes"])):
        assert found["both"][name] == pytest.approx(found["alone"][name] + more)
    text = call("inspect", str(view), "--board", "NUCLEO-F446RE", "--camera", "32x24:gray").out
    assert "of the latency: 1 frame of" in text


def test_a_camera_is_measured_with_the_network(view: Path) -> None:
    needs("unicorn", "sim")
    one = call("measure", str(view), "--board", "NUCLEO-F446RE", "--camera", "32x24:gray", "--json", "--samples", "1")
    assert one.code == 0, one.err
    found = json.loads(one.out)
    assert found["front_end"]["bit_exact"]
    layers = sum(row["cycles"] for row in found["per_layer"])
    assert found["cycles"] - found["front_end"]["frame_cycles"] == pytest.approx(layers, abs=150)  # around the layers


def test_c_begins_at_the_camera_that_a_model_was_made_for(view: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.tflite"
    made.write_bytes(write(model_of(ImageFrontEnd(resolution=16, camera="32x24:gray"))))
    for path, options, width in (
        (made, (), 32),
        (made, ("--camera", "40x24:gray"), 40),
        (view, (), None),
    ):
        out = tmp_path / "c"
        done = call("compile", str(path), "--board", "NUCLEO-F446RE", "--out", str(out), "--name", "model", *options)
        assert done.code == 0, done.err
        header = out / "model_frontend.h"
        assert header.exists() == (width is not None)
        if width is not None:
            assert f"FRAME_WIDTH {width}\n" in header.read_text()
    app = call("app", str(made), "--board", "NUCLEO-F446RE", "--out", str(tmp_path / "app"))
    assert app.code == 0, app.err


def test_a_camera_is_for_models_of_images(model: Path, view: Path) -> None:
    for path, camera, said in (
        (model, "32x24:gray", "hey.tflite carries no image front end that fits its input; leave it out"),
        (view, "32x24:grey", "camera: unknown pixels 'grey'; did you mean 'gray'?"),
    ):
        one = call("inspect", str(path), "--board", "NUCLEO-F446RE", "--camera", camera)
        assert one.code == 2
        assert said in one.err
