"""Small networks that listen to streams, and sounds for them."""

import json
import math
from collections.abc import Mapping

import numpy as np

from micronets.frontend import FrontEnd
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.streaming import Detector
from tests.support.wavs import tone

_INPUT_SCALES = {"log-mel": 1 / 64, "frames apart": 0.3, "short frames": 1 / 64}
LABELS = ("_silence_", "yes", "no", "stop")

FRONT_ENDS: Mapping[str, FrontEnd] = {
    "log-mel": FrontEnd(clip_ms=300, n_fft=512, n_mels=16),
    "frames apart": FrontEnd(
        kind="mfcc",
        clip_ms=400,
        n_fft=512,
        n_mels=16,
        frame_stride=4,
        coefficients=10,
        input_mean=(0.0,),
        input_scale=(1.0,),
    ),
    "short frames": FrontEnd(clip_ms=200, window_ms=4, hop_ms=4, n_fft=64, n_mels=12, fmax=8000),
}
"""Front ends by name: frames that overlap, that lie apart, and that touch."""

DETECTORS: Mapping[str, Detector] = {
    "eager": Detector(hop_frames=1, average=1, thresholds=(0,) * 4, refractory_ms=(0, 50, 50, 50), never=(0,)),
    "slow": Detector(
        hop_frames=3,
        average=5,
        thresholds=(15000, 9000, 10000, 11000),
        refractory_ms=(100, 100, 200, 300),
        gate_frames=7,
        gate_pixel=20,
    ),
}


def listening_model(
    name: str = "log-mel", detector: Detector | None = None, softmax: bool = False, seed: int = 2
) -> QuantizedModel:
    """Returns a random network with the front end of that name, and with a detector in its metadata."""
    fe, rng = FRONT_ENDS[name], np.random.default_rng(seed)
    stack: list[Layer] = [layers.FullyConnected(name="logits", inputs=(INPUT,), units=len(LABELS), activation="none")]
    quant = {INPUT: TensorQuant(_INPUT_SCALES[name], 0), "logits": TensorQuant(0.05, -10)}
    if softmax:
        stack.append(layers.Softmax(name="certainties", inputs=("logits",)))
        quant["certainties"] = TensorQuant(1 / 256, -128)
    taps = math.prod(fe.input_shape)
    values = rng.normal(0, 40, (taps, len(LABELS)))
    values -= values.mean(0)  # how loud a sound is makes no difference
    codes = np.clip(np.rint(values), -127, 127).astype(np.int8)
    scale = 0.05 / quant[INPUT].scale / (40 * np.sqrt(taps))
    one = LayerWeights(codes.T.copy(), np.full(1, scale, np.float32), None)
    arch = Arch(input_shape=fe.input_shape, layers=tuple(stack))
    texts = {"micronets.task": "kws", "micronets.labels": json.dumps(LABELS), "micronets.frontend": fe.to_json()}
    if detector is not None:
        texts["micronets.detector"] = detector.to_json()
    return QuantizedModel(arch, quant, {"logits": one}, texts)


def columns_model(name: str = "log-mel", detector: Detector | None = None, stride: int | None = None) -> QuantizedModel:
    """Returns a random network whose windows never leave the map along time, with the front end of that name.

    It has a stride along time (of 2 where none is given and there are frames enough), a dilation, a residual block and
    a pool.
    """
    fe = FRONT_ENDS[name]
    frames, bands, _ = fe.input_shape
    stride = stride or (2 if frames > 20 else 1)

    def depthwise(name: str, source: str, taps: int, step: int = 1, apart: int = 1) -> Layer:
        return layers.DepthwiseConv2D(
            name=name, inputs=(source,), kernel=(taps, 1), stride=(step, 1), dilation=(apart, 1), padding="valid"
        )

    stem = layers.Conv2D(name="stem", inputs=(INPUT,), filters=4, kernel=(3, bands), padding="valid", activation="relu")
    halves = depthwise("halves", "stem", 3, stride)
    length = (frames - 2 - 3) // stride + 1
    stack: list[Layer] = [
        stem,
        halves,
        depthwise("spread", "halves", 3, apart=2),
        layers.Conv2D(name="mixed", inputs=("spread",), filters=4, kernel=(1, 1)),
        layers.Slice(name="crop", inputs=("halves",), begin=(2, 0, 0), size=(length - 4, 1, 4)),
        layers.Add(name="sum", inputs=("crop", "mixed"), activation="relu"),
        layers.AveragePool2D(name="smooth", inputs=("sum",), pool=(2, 1), stride=(1, 1)),
        layers.Mean(name="pool", inputs=("smooth",)),
        layers.FullyConnected(name="logits", inputs=("pool",), units=len(LABELS)),
    ]
    made = with_random_weights(Arch(input_shape=fe.input_shape, layers=tuple(stack)), 4)
    texts = {"micronets.task": "kws", "micronets.labels": json.dumps(LABELS), "micronets.frontend": fe.to_json()}
    if detector is not None:
        texts["micronets.detector"] = detector.to_json()
    quant = {**made.quant, INPUT: TensorQuant(_INPUT_SCALES[name], 0)}
    return QuantizedModel(made.arch, quant, made.weights, texts)


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Returns int16 samples: tones of changing pitch and loudness, noise, pauses and a full-scale square."""
    rng = np.random.default_rng(seed)
    parts = [np.zeros(800), 32767 * np.sign(tone(seed, 1500))]
    while sum(map(len, parts)) < 16000 * seconds:
        n = int(rng.integers(200, 4000))
        parts.append(
            tone(int(rng.integers(1000)), n, hertz=float(rng.uniform(100, 3500))) * rng.choice([0, 0.01, 1, 5])
        )
        parts.append(rng.normal(0, rng.choice([1, 100, 5000]), int(rng.integers(100, 3000))))
    joined = np.clip(np.concatenate(parts), -32768, 32767)
    return joined[: int(16000 * seconds)].astype(np.int16)


def random_sizes(total: int, seed: int, most: int = 5000) -> list[int]:
    """Returns sizes of pieces from 1 to `most` samples, many of them small, that are `total` together."""
    rng = np.random.default_rng(seed)
    sizes: list[int] = []
    while (left := total - sum(sizes)) > 0:
        sizes.append(min(left, int(rng.choice([1, 7, 160, 161, rng.integers(1, most + 1)]))))
    return sizes
