"""Front ends: sensor samples in, the network's inputs out; numpy only.

Sound is `recording` and `wav` (files), `spec` (the parameters), `features` and `integer` (the arithmetic) and `cache`;
pictures are `image`, `mapped`, `camera` and `frames`; arrays are `standard`, and `spectral` where they are windows of a
sensor. All kinds of spectra share `fourier`. `counted` reads the front end that a model carries.
"""

from micronets.frontend.cache import Tally, cached_arrays, cut_features, wav_features
from micronets.frontend.features import features, network_input
from micronets.frontend.recording import read_recording
from micronets.frontend.spec import INPUT_SETTINGS, PRESETS, RELEASED_LABELS, FrontEnd, preset
from micronets.frontend.wav import Recording, encode_wav, resample

__all__ = [
    "INPUT_SETTINGS",
    "PRESETS",
    "RELEASED_LABELS",
    "FrontEnd",
    "Recording",
    "Tally",
    "cached_arrays",
    "cut_features",
    "encode_wav",
    "features",
    "network_input",
    "preset",
    "read_recording",
    "resample",
    "wav_features",
]
