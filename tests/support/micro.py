"""Signals for TFLM's own audio front end, what pymicro-features makes of them, and networks behind it.

python -m tests.support.micro          (writes RECORDED anew; needs the package pymicro-features)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets.frontend.micro import BANDS, FRAME, MicroState, codes
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights

QUANT = TensorQuant(26 / 255, -128)
"""Scale and zero point of the input of the field's wake word models."""

RECORDED = Path(__file__).parents[1] / "frontend" / "micro_features.npz"
"""What pymicro-features 2.0.2 makes of `signals`, uint16 `[F, 40]` by name."""

SECONDS = 0.4


def signals() -> dict[str, npt.NDArray[np.int16]]:
    """Returns sounds at 16 kHz by name: the shortest that show every part of the arithmetic."""
    rng, count = np.random.default_rng(7), round(16_000 * SECONDS)
    t = np.arange(count)
    hiss = rng.integers(-1000, 1001, (6, count)).sum(0)
    word = sum(np.sin(2 * np.pi * f * t / 16_000) / f for f in (180, 360, 720, 1100, 2500, 3300))
    found = {
        "noise": rng.integers(-32768, 32768, count),
        "soft noise": hiss // 60,
        "a bit": rng.integers(-1, 2, count),
        "silence": np.zeros(count),
        "DC": np.full(count, 32767),
        "least DC": np.full(count, -32768),
        "square": np.where(t // 37 % 2, 32767, -32768),
        "highest frequency": np.where(t % 2, 32767, -32768),
        "clicks": np.where(t % 1600 == 800, -32768, 0),
        "sweep": np.rint(32767 * np.sin(t**2 * 7e-5)),
        "voice": np.rint(2e6 * word * np.exp(-((t / count - 0.6) ** 2) * 40)).clip(-32768, 32767),
        "ever louder": np.rint(hiss * 2.0 ** (15 * t / count - 11)).clip(-32768, 32767),
    }
    return {name: np.asarray(x, np.int16) for name, x in found.items()}


def frames(x: npt.NDArray[np.int16], hop: int = 160) -> npt.NDArray[np.int16]:
    """Returns the frames `[F, 480]` of a sound."""
    return np.lib.stride_tricks.sliding_window_view(x, FRAME)[::hop]


def theirs(x: npt.NDArray[np.int16]) -> npt.NDArray[np.uint16]:
    """Returns what pymicro-features makes of a sound, `[F, 40]`."""
    from pymicro_features import MicroFrontend

    front_end, raw, found = MicroFrontend(), x.astype("<i2").tobytes(), []
    while len(raw) >= 320:
        one = front_end.process_samples(raw[:320])
        raw = raw[2 * one.samples_read :]
        if one.features:
            found.append(np.rint(np.asarray(one.features) * 25.6))
    return np.asarray(found, np.uint16)


def values(x: npt.NDArray[np.int16], hop: int = 160) -> npt.NDArray[np.int64]:
    """Returns the values `[F, 40]` of a sound from its beginning on."""
    return MicroState().values(frames(x, hop))


def expected(x: npt.NDArray[np.int16], hop: int = 160, quant: TensorQuant = QUANT) -> npt.NDArray[np.int8]:
    """Returns the codes `[F, 40]` of a sound from its beginning on."""
    return codes(values(x, hop), quant.scale, quant.zero_point)


def wake_model(seed: int = 3) -> QuantizedModel:
    """Returns a random network as those of microWakeWord are: three new frames in, state kept, a uint8 certainty out.

    It carries no metadata.
    """
    stack: tuple[Layer, ...] = (
        layers.Reshape(name="column", inputs=(INPUT,), shape=(3, 1, BANDS)),
        layers.ReadVariable(name="old", variable="frames", shape=(6, 1, BANDS)),
        layers.Concatenation(name="all", inputs=("old", "column"), axis=0),
        layers.Slice(name="new", inputs=("all",), begin=(3, 0, 0), size=(6, 1, BANDS)),
        layers.AssignVariable(name="keep", inputs=("new",), variable="frames"),
        layers.Conv2D(name="mixed", inputs=("all",), filters=8, kernel=(9, 1), padding="valid", activation="relu"),
        layers.Reshape(name="flat", inputs=("mixed",), shape=(8,)),
        layers.FullyConnected(name="logit", inputs=("flat",), units=1),
        layers.Logistic(name="certainty", inputs=("logit",)),
        layers.Quantize(name="score", inputs=("certainty",), to="uint8"),
    )
    made = with_random_weights(Arch((3, BANDS), stack), seed)
    same = dict.fromkeys((INPUT, "column", "old", "all", "new"), QUANT)
    outputs = {"certainty": TensorQuant(1 / 256, -128), "score": TensorQuant(1 / 256, 0)}
    return QuantizedModel(made.arch, {**made.quant, **same, **outputs}, made.weights, {})


def speech_model(frames: int = 12, seed: int = 2) -> QuantizedModel:
    """Returns a random network as micro_speech is: a window of frames without their shape in, four classes out."""
    rng, taps = np.random.default_rng(seed), frames * BANDS
    values = rng.normal(0, 40, (taps, 4))
    weights = np.clip(np.rint(values - values.mean(0)), -127, 127).astype(np.int8).T.copy()
    one = LayerWeights(weights, np.full(1, 0.02 / np.sqrt(taps), np.float32), None)
    arch = Arch((taps,), (layers.FullyConnected(name="logits", inputs=(INPUT,), units=4),))
    return QuantizedModel(arch, {INPUT: QUANT, "logits": TensorQuant(0.1, -10)}, {"logits": one}, {})


if __name__ == "__main__":
    np.savez_compressed(RECORDED, **{name: theirs(x) for name, x in signals().items()})  # type: ignore[arg-type]
