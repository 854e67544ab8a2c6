"""The front ends on real recordings: the features they were fitted to, and a released model's published accuracy."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from micronets.frontend import RELEASED_LABELS, FrontEnd, features, network_input, preset
from micronets.frontend.wav import decode_wav
from micronets.tasks.kws.folders import speaker_split


def recordings(shared: Path) -> dict[str, np.ndarray]:
    """Samples by `class/file`, of the shared test WAVs."""
    with zipfile.ZipFile(shared / "data" / "kws_speech_commands_v2_test_wav.zip") as z:
        names = [n for n in z.namelist() if n.endswith(".wav") and "_background_noise_" not in n]
        return {n: decode_wav(z.read(n), n).samples for n in names}


def test_log_mel_of_a_recording_equals_the_prepared_features(shared: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow to unpack the features")
    pack = np.load(shared / "data" / "kws_speech_commands_v2_logmel.npz")
    row = {c.decode() if isinstance(c, bytes) else str(c): i for i, c in enumerate(pack["clip"])}
    clips = {n: x for n, x in recordings(shared).items() if n in row and x[-160:].any()}  # whole seconds
    names = sorted(clips)[::20]
    assert len(names) > 80
    jpg, offset = pack["jpg"], pack["offset"]
    want = [
        np.asarray(image.open(io.BytesIO(jpg[offset[i] : offset[i + 1]].tobytes()))) for i in (row[n] for n in names)
    ]
    a, b = features([clips[n] for n in names], FrontEnd()).astype(float), np.array(want).astype(float)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99
    assert np.abs(a - b).mean() < 4  # of 255; JPEG is most of it
    assert abs((a - b).mean()) < 0.5


def test_the_speaker_hash_makes_the_published_splits(shared: Path) -> None:
    pack = np.load(shared / "data" / "kws_speech_commands_v2_logmel.npz")
    names = {"training": "train", "validation": "val", "testing": "test"}
    text = [np.char.decode(pack[k]) if pack[k].dtype.kind == "S" else pack[k] for k in ("clip", "split")]
    pairs = [(c.split("/")[-1], names.get(s, s)) for c, s in zip(*text, strict=True) if s != "unassigned"]
    assert len(pairs) > 40000
    assert all(speaker_split(c) == s for c, s in pairs[::10])


@pytest.mark.parametrize(
    ("model", "front_end", "right"),
    # Of all 2,306 clips 96.18 % and 92.97 %; these are the counts of every eighth, which takes an eighth of the time.
    [("micronets/kws_micronet_m", "micronet-mfcc", 271), ("mlperf_tiny/kws_ref_model", "mlperf-mfcc", 265)],
)
def test_released_models_reach_their_accuracy(shared: Path, model: str, front_end: str, right: int) -> None:
    from micronets import tflite
    from micronets.commands.evaluate import quantized
    from micronets.device.tflm import interpreter

    if not interpreter.available():
        pytest.skip("needs the extra 'tflm'")
    clips = recordings(shared)
    assert len(clips) == 2306
    names = sorted(clips)[::8]
    target = np.array([RELEASED_LABELS.index(n.split("/")[0]) for n in names])
    fe = preset(front_end)
    data = (shared / "models" / f"{model}.tflite").read_bytes()
    x = quantized(tflite.read(data), network_input(features([clips[n] for n in names], fe), fe))
    got = (interpreter.run(data, x).reshape(len(x), -1).argmax(1) == target).sum()
    assert len(names) == 289
    assert abs(got - right) <= 1
