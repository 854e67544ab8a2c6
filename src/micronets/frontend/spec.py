"""`FrontEnd`: how a sound recording becomes the input of a network, as one frozen value that travels with the model.

    samples [16000] -> frames [T, window] -> spectrum -> mel bands [T, M] -> logarithm -> every s-th frame
            -> DCT (or the bands themselves) -> (value - input_mean) / input_scale -> network input [T', K, 1]

There are two kinds. `logmel` rounds the logarithm to pixels, `pixel = pixel_scale ln(P) + pixel_offset` clipped to
0..255, so that features are one byte each on disk and, with mean 128 and scale 64, exactly one int8 step each at the
network. `mfcc` keeps ln(E + log_floor) as a real number. Keys of the JSON text are the names of the fields; those that
are left out take the defaults, so that the short form found in `features.npz` is a valid front end.

The arithmetic is in `features.py` (floats) and `integer.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from micronets.errors import SpecError, did_you_mean
from micronets.frontend import as_json
from micronets.ranges import check_fields, ranged

INPUT_SETTINGS = ("frame_stride", "coefficients")

INTEGER_FFT = (64, 128, 256, 512, 1024, 2048, 4096)
"""Sizes of the Fourier transform that the integer arithmetic has."""

_POSITIVE = (
    "sample_rate",
    "clip_ms",
    "window_ms",
    "hop_ms",
    "n_fft",
    "n_mels",
    "frame_stride",
    "log_floor",
    "pixel_scale",
)
_OPTIONS = {
    "kind": ("logmel", "mfcc"),
    "window": ("hann",),
    "mel": ("htk",),
    "power": (1, 2),
    "sample_scale": ("int16", "unit", "max"),
    "placement": ("centre", "start"),
    "dct": ("orthonormal", "plain"),
    "arithmetic": ("float", "integer"),
}


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """Parameters of an audio front end; the defaults are those of our log-mel features.

    Raises `SpecError` for a value that is not allowed.

    - `kind`: `logmel` (pixels 0..255) or `mfcc` (natural logarithms).
    - `sample_rate`: samples a second of a recording; recordings of another rate are resampled.
    - `clip_ms`: length of the part of a recording that the network sees, in milliseconds.
    - `window_ms`: length of a frame, in milliseconds; the first frame begins with the clip, without centring.
    - `hop_ms`: distance between the starts of two frames, in milliseconds.
    - `window`: what a frame is multiplied by; `hann` is the periodic Hann window.
    - `n_fft`: length of the Fourier transform in samples; frames are padded with zeros.
    - `n_mels`: number of mel bands.
    - `fmin`: lower edge of the lowest band, in Hz.
    - `fmax`: upper edge of the highest band, in Hz, at most half of the sample rate.
    - `mel`: scale on which bands are equally wide triangles of peak 1; `htk` is 1127 ln(1 + f / 700).
    - `power`: exponent of the magnitude spectrum, 1 or 2.
    - `sample_scale`: `int16` (-32768..32767), `unit` (divided by 32768) or `max` (divided by the clip's maximum).
    - `log_floor`: value added to a band before the logarithm, above 0.
    - `pixel_scale`: factor of the logarithm for `logmel`, above 0.
    - `pixel_offset`: value added to the scaled logarithm for `logmel`.
    - `placement`: a recording shorter than clip_ms is placed at its `centre` (trailing exact zeros count as padding) or
      at its `start`; a longer one loses both ends, or its end.
    - `frame_stride`: every `frame_stride`-th frame is used, starting with the first.
    - `coefficients`: number of DCT-II coefficients of the bands, from the first; 0 uses the bands themselves.
    - `dct`: `orthonormal`, or `plain` (without 1/sqrt(2) on the first coefficient).
    - `input_mean`: mean subtracted from the values of a frame: one number, or one for each value.
    - `input_scale`: divisor of the values minus the mean, above 0: one number, or one for each value.
    - `arithmetic`: `integer`, that of the C on a device, bit for bit (`micronets.frontend.integer`), or `float`.
    """

    kind: str = "logmel"
    sample_rate: int = ranged(16000, 1, 1_000_000)
    clip_ms: float = ranged(1000, 0, 600_000)
    window_ms: float = ranged(30, 0, 600_000)
    hop_ms: float = ranged(10, 0, 600_000)
    window: str = "hann"
    n_fft: int = ranged(1024, 1, 1 << 20)
    n_mels: int = ranged(40, 1, 1024)
    fmin: float = ranged(0, 0, 500_000)
    fmax: float = ranged(4000, 0, 500_000)
    mel: str = "htk"
    power: int = 2
    sample_scale: str = "int16"
    log_floor: float = ranged(1e-6, 0, 1e6)
    pixel_scale: float = ranged(9.85, 0, 1e6)
    pixel_offset: float = ranged(-65.8, -1e6, 1e6)
    placement: str = "centre"
    frame_stride: int = ranged(1, 1, 10_000)
    coefficients: int = ranged(0, 0, 1024)
    dct: str = "orthonormal"
    input_mean: tuple[float, ...] = ranged((128.0,), -1e9, 1e9)
    input_scale: tuple[float, ...] = ranged((64.0,), 0, 1e9)
    arithmetic: str = "integer"

    def __post_init__(self) -> None:
        try:
            _check_front_end(self)
        except OverflowError as e:
            raise SpecError("front end: an integer of more than 300 digits; no number here may be so large") from e

    @property
    def clip_samples(self) -> int:
        """Number of samples of one clip."""
        return round(self.sample_rate * self.clip_ms / 1000)

    @property
    def window_samples(self) -> int:
        """Number of samples of one frame."""
        return round(self.sample_rate * self.window_ms / 1000)

    @property
    def hop_samples(self) -> int:
        """Number of samples from the start of one frame to that of the next."""
        return round(self.sample_rate * self.hop_ms / 1000)

    @property
    def frames(self) -> int:
        """Number of frames of a clip, before `frame_stride` leaves some out."""
        return 1 + (self.clip_samples - self.window_samples) // self.hop_samples

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of the network's input: (frames that are used, values of a frame, 1)."""
        return (-(-self.frames // self.frame_stride), self.coefficients or self.n_mels, 1)

    def base(self) -> FrontEnd:
        """Returns this front end with everything after the logarithm at its default.

        Front ends with the same base have the same features `[T, M]` on disk.
        """
        names = (*INPUT_SETTINGS, "dct", "input_mean", "input_scale")
        return replace(self, **{name: getattr(_DEFAULT, name) for name in names})

    def with_settings(self, settings: Mapping[str, int]) -> FrontEnd:
        """Returns this log-mel front end with another `frame_stride` and `coefficients`; 1 and 0 if not given.

        Bands map to (pixel - 128) / 64, one int8 step per pixel. Coefficients of the pixels are brought to a standard
        deviation of about 1 by fixed numbers that follow speech: mean 550 and 65 for the first two, otherwise 0; scale
        280 for the first and 150 / (1 + k) for the k-th, so that one int8 scale serves all.

        Raises `SpecError` for a setting of another name, and where a front end of another kind would have to change.
        """
        for name in settings:
            if name not in INPUT_SETTINGS:
                raise SpecError(f"front end: no input setting '{name}'; {did_you_mean(name, INPUT_SETTINGS)}")
        if self.kind != "logmel":
            if any(value != getattr(self, name) for name, value in settings.items()):
                raise SpecError(
                    "front end: frame_stride and coefficients can be set for kind 'logmel' only; 'mfcc' has its own"
                )
            return self
        stride, k = settings.get("frame_stride", 1), settings.get("coefficients", 0)
        mean: tuple[float, ...] = (128.0,)
        scale: tuple[float, ...] = (64.0,)
        if k:
            mean = tuple([550.0, 65.0, *[0.0] * k][:k])
            scale = tuple(280.0 if i == 0 else round(150 / (1 + i), 2) for i in range(k))
        return replace(self, frame_stride=stride, coefficients=k, input_mean=mean, input_scale=scale)

    def to_json(self) -> str:
        """Returns every field as one line of JSON."""
        return as_json.to_json(self)

    @staticmethod
    def from_json(text: str, where: str = "front end") -> FrontEnd:
        """Reads what `to_json` wrote. Raises `SpecError`.

        Fields that are left out take their defaults, but for the arithmetic: texts that do not name it are older than
        the integer one and stand for features in floats.
        """
        return as_json.from_json(FrontEnd, text, where, {"arithmetic": "float"})


def _check_front_end(fe: FrontEnd) -> None:
    """Raises `SpecError` for the first field whose value is not allowed."""
    for name, allowed in _OPTIONS.items():
        value = getattr(fe, name)
        if not isinstance(value, str | int | float) or value not in allowed:
            raise SpecError(f"front end: {name} = {value!r}; allowed: {', '.join(map(str, allowed))}")
    for f in fields(fe):
        value = getattr(fe, f.name)
        if isinstance(f.default, tuple):
            if not isinstance(value, tuple) or not value or not all(_is_number(v) for v in value):
                raise SpecError(f"front end: {f.name} = {value!r}; a list of numbers is needed")
        elif not isinstance(f.default, str) and not _is_number(value, integer=f.type == "int"):
            need = "an integer" if f.type == "int" else "a number"
            raise SpecError(f"front end: {f.name} = {value!r}; {need} is needed")
    for name in _POSITIVE:
        if getattr(fe, name) <= 0:
            raise SpecError(f"front end: {name} = {getattr(fe, name)}; it must be above 0")
    if not 0 <= fe.coefficients <= fe.n_mels:
        raise SpecError(f"front end: coefficients = {fe.coefficients}; allowed: 0 (the bands) to n_mels = {fe.n_mels}")
    if not 0 <= fe.fmin < fe.fmax <= fe.sample_rate / 2:
        raise SpecError(
            f"front end: bands from {fe.fmin} to {fe.fmax} Hz; need 0 <= fmin < fmax <= {fe.sample_rate / 2:g} Hz"
        )
    if fe.hop_samples < 1 or not 2 <= fe.window_samples <= min(fe.n_fft, fe.clip_samples):
        raise SpecError(
            f"front end: a window of {fe.window_samples} samples every {fe.hop_samples}; need a hop of at least 1 and "
            f"a window of 2 to n_fft = {fe.n_fft} samples within the clip's {fe.clip_samples}"
        )
    for name in ("input_mean", "input_scale"):
        if len(getattr(fe, name)) not in (1, fe.coefficients or fe.n_mels):
            raise SpecError(
                f"front end: {name} has {len(getattr(fe, name))} numbers; need 1 or one for each of the"
                f" {fe.coefficients or fe.n_mels} values of a frame"
            )
    if fe.arithmetic == "integer" and fe.n_fft not in INTEGER_FFT:
        sizes = ", ".join(map(str, INTEGER_FFT))
        raise SpecError(
            f"front end: n_fft = {fe.n_fft}; integer arithmetic takes {sizes}; any other needs arithmetic = 'float', "
            "which has no C"
        )
    if min(fe.input_scale) <= 0:
        raise SpecError(f"front end: input_scale = {min(fe.input_scale)}; it must be above 0")
    check_fields(fe, "front end: ")


def _is_number(value: object, integer: bool = False) -> bool:
    """Returns whether a value from JSON is a finite number, and an integer where one is asked for."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) or (not integer and abs(value) < float("inf"))


_DEFAULT = FrontEnd()

_MFCC = FrontEnd(
    kind="mfcc",
    arithmetic="float",
    window_ms=40,
    hop_ms=20,
    fmin=20,
    power=1,
    sample_scale="max",
    placement="start",
    coefficients=10,
    dct="plain",
    input_mean=(0.0,),
    input_scale=(1.0,),
)

PRESETS: dict[str, FrontEnd] = {
    "logmel": _DEFAULT,
    "micronet-mfcc": _MFCC,
    "mlperf-mfcc": replace(_MFCC, window_ms=30, n_fft=512),
}
"""Front ends by name: ours, that of the released MicroNets for keyword spotting, that of MLPerf Tiny's reference model.

The last model's own quantiser truncates; rounding to nearest, as is done here, is 0.3 points better.
"""

RELEASED_LABELS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "_silence_", "_unknown_")
"""Labels of the outputs of the released keyword models, in order; the models carry none themselves."""


def preset(name: str) -> FrontEnd:
    """Returns the audio front end of a name in `PRESETS`. Raises `SpecError` for another name."""
    if name not in PRESETS:
        raise SpecError(f"front end '{name}' is not known; {did_you_mean(name, PRESETS)}")
    return PRESETS[name]
