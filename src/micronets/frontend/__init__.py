"""Front ends: recordings in, features and network inputs out. numpy only."""

from micronets.frontend.cache import Tally, cut_features, kept, wav_features
from micronets.frontend.features import features, network_input
from micronets.frontend.spec import INPUT_SETTINGS, PRESETS, RELEASED_LABELS, FrontEnd, preset
from micronets.frontend.wav import Recording, encode_wav, read_wav, resample

__all__ = [
    "INPUT_SETTINGS",
    "PRESETS",
    "RELEASED_LABELS",
    "FrontEnd",
    "Recording",
    "Tally",
    "cut_features",
    "encode_wav",
    "features",
    "kept",
    "network_input",
    "preset",
    "read_wav",
    "resample",
    "wav_features",
]
