"""Settings of keyword spotting: the augmentation of training clips."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.arguments import check_kinds
from micronets.errors import SpecError
from micronets.ranges import check_fields, ranged


@dataclass(frozen=True, kw_only=True)
class SpectrogramAugmentation:
    """How strongly the train split is augmented, in the spectrogram; widths are at the full frame rate.

    - `shift_frames`: each clip is shifted by up to this many frames either way; the gap is filled with the clip
      mirrored at its edge.
    - `pad_probability`: probability that the gap is filled with pixel 0 instead.
    - `noise_probability`, `snr_db`: background, or a continuous negative, added in the power domain at a
      signal-to-noise ratio drawn from the range, between the clip's loudest frame and the background's mean, in dB.
    - `gain_db`: the whole clip is up to this much louder or softer.
    - `silence_gain_db`: range for the silence class.
    - `time_masks`, `time_mask_frames`, `band_masks`, `mask_bands`: SpecAugment (Park et al. 2019): segments of up to
      this many frames or bands are replaced by the clip's mean.
    """

    shift_frames: int = ranged(10, 0, 1_000)
    pad_probability: float = ranged(0.1, 0, 1)
    noise_probability: float = ranged(0.7, 0, 1)
    snr_db: tuple[float, float] = ranged((5.0, 40.0), -100, 200)
    gain_db: float = ranged(6.0, 0, 100)
    silence_gain_db: tuple[float, float] = ranged((-15.0, 20.0), -200, 200)
    time_masks: int = ranged(2, 0, 100)
    time_mask_frames: int = ranged(10, 0, 1_000)
    band_masks: int = ranged(2, 0, 100)
    mask_bands: int = ranged(5, 0, 1_000)

    def __post_init__(self) -> None:
        check_fields(self, "augmentation: ")
        check_kinds(self, "augmentation: ")
        for name in ("snr_db", "silence_gain_db"):
            low, high = getattr(self, name)
            if not low <= high:
                raise SpecError(f"augmentation: {name} = [{low:g}, {high:g}]; need a range, from low to high")

    @staticmethod
    def none() -> SpectrogramAugmentation:
        """Returns settings that disturb nothing: `augmented` then equals `inputs`.

        The silence class is the exception: it stays drawn at random.
        """
        return SpectrogramAugmentation(
            shift_frames=0,
            pad_probability=0,
            noise_probability=0,
            gain_db=0,
            silence_gain_db=(0.0, 0.0),
            time_masks=0,
            band_masks=0,
        )
