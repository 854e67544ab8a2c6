"""Negatives are what their names say, the same for the same seed, and stand where a network learns to stay quiet."""

from dataclasses import replace

import numpy as np
import pytest

from micronets.errors import SpecError
from micronets.frontend import FrontEnd
from micronets.tasks import load
from micronets.tasks.kws.audio_task import AudioOptions
from micronets.tasks.kws.data import KwsData
from micronets.tasks.kws.negatives import sound_features, speech_features, with_negatives
from micronets.tasks.kws.settings import SpectrogramAugmentation
from micronets.tasks.kws.task import KwsOptions
from micronets.tasks.kws.wordless import SOUNDS, NegativeKind, make_negative
from micronets.tasks.labelled import given_labels

RATE = 16000
FE = FrontEnd(arithmetic="float")
MANY = 12


def sounds(kind: NegativeKind, seed: int = 0) -> np.ndarray:
    return np.stack([make_negative(kind, RATE, RATE, np.random.default_rng([seed, i])) for i in range(MANY)])


def data(classes: tuple[str, ...] = ("_silence_", "_unknown_", "yes", "no"), each: int = 30) -> KwsData:
    """Returns clips of pixels 10 + 40 times the number of the class, but for a ramp in frames 40 to 60."""
    y = np.repeat(np.arange(len(classes)), each).astype(np.int64)
    x = np.zeros((len(y), FE.frames, FE.n_mels), np.uint8) + (10 + 40 * y[:, None, None]).astype(np.uint8)
    x[:, 40:60] += np.arange(20, dtype=np.uint8)[:, None]
    background = np.random.default_rng(0).integers(80, 100, (20, FE.frames, FE.n_mels)).astype(np.uint8)
    return KwsData(
        classes=classes, source="test", frontend=FE, features={"train": x, "val": x[:4]},
        target={"train": y, "val": y[:4]}, background=background, augmentation=SpectrogramAugmentation.none(),
    )  # fmt: skip


@pytest.mark.parametrize("kind", SOUNDS)
def test_sounds_are_of_16_bits_and_depend_on_the_seed_alone(kind: NegativeKind) -> None:
    x = sounds(kind)
    assert x.dtype == np.float32
    assert np.array_equal(x, np.rint(x))
    assert np.abs(x).max() <= 32768
    assert np.array_equal(x, sounds(kind))
    assert not np.array_equal(x, sounds(kind, seed=1))
    if kind == "silence":
        assert np.abs(x).max() <= 20
    else:  # each is audible, the softest and the loudest of even a dozen are 20 dB apart
        peaks = np.abs(x - x.mean(1, keepdims=True)).max(1)
        assert peaks.min() > 20
        assert peaks.max() > 10 * peaks.min()


def spectra(x: np.ndarray) -> np.ndarray:
    """Returns the power of every hertz, for clips of a second."""
    return np.abs(np.fft.rfft(x * np.hanning(x.shape[1]))) ** 2


def test_a_hum_has_lines_at_the_harmonics_of_a_low_frequency() -> None:
    mains = 0
    for power in spectra(sounds("hum")):
        strongest = int(power[20:].argmax()) + 20
        near = power[strongest - 4 : strongest + 5].sum()
        assert near > 30 * np.median(power[20:1000])
        mains += min(strongest % 50, -strongest % 50, strongest % 60, -strongest % 60) <= 4
    assert mains > MANY / 2


def test_tones_and_chirps_are_narrow_where_they_are_loudest() -> None:
    for kind in ("tone", "chirp"):
        found = []
        for clip in sounds(kind):
            frames = clip[: RATE // 400 * 400].reshape(-1, 400)
            power = spectra(frames[[(frames**2).sum(1).argmax()]])[0]
            found.append(np.sort(power)[-12:].sum() / power.sum())
        assert np.median(found) > 0.9, kind


def test_clicks_and_knocks_are_short() -> None:
    """Half of the energy lies in a small part of the clip, of a click in a smaller one than of a knock."""

    def part(kind: NegativeKind) -> float:
        energy = np.sort(sounds(kind) ** 2, 1)[:, ::-1].cumsum(1)
        return float(np.median((energy < 0.5 * energy[:, -1:]).sum(1))) / RATE

    assert part("click") < 0.005
    assert part("click") < part("knock") < 0.05
    assert part("noise") > 0.05


def bursts(clip: np.ndarray) -> int:
    """Counts the stretches of 5 ms that are 12 dB louder than the one before and within 20 dB of the loudest."""
    energy = (clip[: RATE // 200 * 200].reshape(-1, RATE // 200) ** 2).sum(1) + 1
    return int(((energy[1:] > 16 * energy[:-1]) & (energy[1:] > 0.01 * energy.max())).sum())


def test_knocks_begin_at_once_and_come_up_to_five_times() -> None:
    found = [bursts(clip) for clip in sounds("knock")]
    assert max(found) <= 6
    assert sum(1 <= n <= 5 for n in found) > MANY / 2
    assert len(set(found)) > 2


def test_a_rattle_fills_its_second_more_than_knocks_do() -> None:
    def filled(kind: NegativeKind) -> float:
        loud = np.abs(sounds(kind)).reshape(MANY, 50, -1).max(2)
        return float(np.median((loud > 0.05 * loud.max(1, keepdims=True)).mean(1)))

    assert filled("rattle") > 2 * filled("knock")


def test_a_call_has_harmonics_and_its_pitch_bends() -> None:
    bent = 0
    for clip in sounds("call"):
        frames = clip[: RATE // 800 * 800].reshape(-1, 800)
        loud = frames[(frames**2).sum(1) > 0.1 * (frames**2).sum(1).max()]
        power = np.abs(np.fft.rfft(loud * np.hanning(800))) ** 2
        assert np.median(np.sort(power, 1)[:, -40:].sum(1) / power.sum(1)) > 0.5  # a tenth of the band has most
        bent += np.ptp(power.argmax(1)) > 0
    assert bent > MANY / 2


def test_a_mixture_is_more_than_one_sound() -> None:
    """What stands in the spectrum of a mixture is spread wider than that of a tone."""

    def wide(kind: NegativeKind) -> float:
        power = np.sort(spectra(sounds(kind)), 1)[:, ::-1].cumsum(1)
        return float(np.median((power < 0.9 * power[:, -1:]).sum(1)))

    assert wide("mixture") > 2 * wide("tone")


def test_a_step_moves_the_mean_and_clipped_noise_is_at_the_limits_of_its_converter() -> None:
    steps = sounds("step")
    parts = steps.reshape(MANY, 20, -1).mean(2)
    assert np.median(np.ptp(parts, 1) / np.abs(steps).max(1)) > 0.2
    clipped = sounds("clipped")
    top = np.abs(clipped).max(1, keepdims=True)
    assert np.median((np.abs(clipped) > 0.97 * top).mean(1)) > 0.03
    assert np.median((np.abs(sounds("noise")) > 0.97 * np.abs(sounds("noise")).max(1, keepdims=True)).mean(1)) < 0.01


def test_speech_is_reversed_in_pieces_or_a_crowd() -> None:
    ramp = np.broadcast_to(np.arange(98, dtype=np.uint8)[:, None], (98, 40))
    words = np.stack([ramp + 100, ramp + 120])
    x = speech_features(6, words, FE.pixel_scale, np.random.default_rng(0))
    for row in (x[0], x[3]):
        assert any(np.array_equal(row, w[::-1]) for w in words)
    assert x[1].max() > 150  # pieces of words
    assert not any(np.array_equal(x[1], w) for w in words)
    mean = words[:, :, 0].mean()
    assert mean < x[2].mean() < mean + 40  # a crowd is louder than one, by at most 7 dB and what the loudness varies


def test_an_epoch_has_the_share_of_negatives_and_the_words_as_before() -> None:
    before = data()
    d = with_negatives(before, 0.2, seed=0, speech=True)
    rows = d.epoch(np.random.default_rng(0))
    ordinary = before.epoch(np.random.default_rng(0))
    assert np.array_equal(np.sort(rows[rows < 120]), np.sort(ordinary))
    assert (rows >= 120).mean() == pytest.approx(0.2)
    assert d.size("train") == 120 + d.made == 120 + 4 * 30
    assert np.array_equal(given_labels(d, "train"), before.labels("train"))
    assert d.counts("train") == before.counts("train")
    assert set(d.labels("train")[120:]) == {0, 1}  # no negative is a word
    assert d.made_classes == (0, 1)  # silence and an unknown word are both right
    assert d.source == "test; 120 negatives made to train on"
    again = with_negatives(before, 0.2, seed=0, speech=True)
    assert np.array_equal(d.features["train"], again.features["train"])
    other = with_negatives(before, 0.2, seed=1, speech=True)
    assert not np.array_equal(d.features["train"], other.features["train"])
    assert np.array_equal(d.features["val"], other.features["val"]), "trainings with two seeds are judged alike"


def test_the_best_epoch_is_quiet_too() -> None:
    d = with_negatives(data(), 0.5, seed=0, speech=True)
    assert (d.made_to_choose, d.size("val"), len(given_labels(d, "val"))) == (4, 8, 4)
    logits = np.eye(4)[d.labels("val")]
    assert d.evaluate(logits, "val").value == 1
    logits[4:] = np.eye(4)[[1, 1, 2, 3]]  # an unknown word is as quiet as silence, words are not
    assert d.evaluate(logits, "val").value == 6 / 8
    logits[0] = np.eye(4)[1]  # but of data silence is silence
    assert d.evaluate(logits, "val").value == 5 / 8
    train = d.features["train"][120:]
    assert not any((train == x).all((1, 2)).any() for x in d.features["val"][4:] if x.any())


def test_negatives_are_not_replaced_by_background() -> None:
    torch = pytest.importorskip("torch")
    d = with_negatives(data(), 0.2, seed=0, speech=True)
    rows = np.arange(120, d.size("train"))
    seen = d.augmented(torch.from_numpy(rows), {}, torch.Generator().manual_seed(0)).numpy()
    np.testing.assert_allclose(seen, d.inputs("train", {}, rows), atol=5e-5)


def test_they_belong_to_the_class_that_is_there() -> None:
    only_unknown = with_negatives(data(("_unknown_", "a")), 0.3, seed=0, speech=True)
    assert set(only_unknown.labels("train")[60:]) == {0}
    assert only_unknown.made_classes == (0,)
    only_silence = with_negatives(data(("a", "_silence_")), 0.3, seed=0, speech=True)
    assert set(only_silence.labels("train")[60:]) == {1}
    sounds_alone = with_negatives(data(), 0.2, seed=0, speech=False)
    assert set(sounds_alone.labels("train")[120:]) == {0}


def test_without_a_class_for_them_there_are_none_and_a_note() -> None:
    d = with_negatives(data(("a", "b")), 0.1, seed=0, speech=True)
    assert d.made == 0
    assert d.notes == (
        "no negatives (data.negatives = 0.1): there is neither a class '_unknown_' nor '_silence_' that they could "
        "belong to; with a folder '_unknown_' of other sounds the network learns to stay quiet",
    )


def test_sounds_are_kept_in_the_cache_by_seed_and_front_end() -> None:
    x = sound_features(5, FE, 7)
    assert x.shape == (5, FE.frames, FE.n_mels)
    assert np.array_equal(x, sound_features(5, FE, 7))
    assert not np.array_equal(x, sound_features(5, FE, 8))
    assert not np.array_equal(x, sound_features(5, replace(FE, fmax=8000), 7))


def test_the_setting_has_a_range() -> None:
    assert KwsOptions().negatives == 0.1
    assert AudioOptions().negatives == 0  # whose classes may be hums and knocks
    with pytest.raises(SpecError, match=r"^data\.negatives = 0\.95; allowed: 0 to 0\.9$"):
        KwsOptions(negatives=0.95)
    with pytest.raises(SpecError, match=r"^task audio: negatives = -1; allowed: 0 to 0\.9$"):
        load("audio", negatives=-1)
