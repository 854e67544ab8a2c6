"""Front ends: recordings in, features and network inputs out. numpy only."""

from micronets.frontend.features import features, network_input, quantized_input
from micronets.frontend.spec import INPUT_SETTINGS, PRESETS, RELEASED_LABELS, FrontEnd, preset

__all__ = [
    "INPUT_SETTINGS",
    "PRESETS",
    "RELEASED_LABELS",
    "FrontEnd",
    "features",
    "network_input",
    "preset",
    "quantized_input",
]
