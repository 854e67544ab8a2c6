"""Sounds without a word: hums, tones, knocks, noises and others, made from random numbers.

`micronets.tasks.kws.negatives` trains on them. A sound is made in three steps: the excitation (blows, a running phase,
noise), the body that it excites (resonances, an envelope), and the surroundings (a room, a microphone).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from micronets.tasks.kws.noise import coloured_samples

Wave = npt.NDArray[np.float32]
"""Samples `[n]`; those of `make_negative` are in int16 units, -32768 to 32767."""

NegativeKind = Literal[
    "hum",
    "tone",
    "chirp",
    "click",
    "knock",
    "step",
    "clipped",
    "chord",
    "noise",
    "silence",
    "rattle",
    "call",
    "mixture",
]
"""The kinds of sounds that nobody says:

- `hum`: the mains (50 or 60 Hz) or another low frequency, with up to 40 harmonics.
- `tone`: one to three tones, pure or with harmonics, some with vibrato; they stay, beep, swell or are struck.
- `chirp`: a tone, pure or with harmonics, whose frequency rises or falls, once or repeatedly.
- `click`: one to eight impulses of at most 1.5 ms.
- `knock`: one to five blows, soft to hard, on an object that rings for some milliseconds: a table, a door, a box, a
  bottle. They are single, in pairs, in a steady beat, or ever faster like those of a bouncing object.
- `step`: jumps of the mean, held or as they pass a coupling capacitor.
- `clipped`: noise so loud that the converter saturates.
- `chord`: notes of the equal temperament with harmonics, together or one after another.
- `noise`: noise of a random colour or band, whose loudness swells, or which comes in bursts.
- `silence`: zeros, or zeros except in the last bit.
- `rattle`: tens to thousands of small blows: rain, gravel, paper, a fire, keys.
- `call`: a voice without words: a tone with harmonics whose pitch bends, through fixed resonances, once or repeated,
  like those of animals, horns and hinges.
- `mixture`: two or three of the others at once, up to 20 dB apart.
"""

SOUNDS: tuple[NegativeKind, ...] = get_args(NegativeKind)


def make_negative(kind: NegativeKind, samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Makes a sound.

    - kind: its kind.
    - samples: its number of samples.
    - rate: samples a second.
    - rng: draws everything random: pitch, times, a loudness over 50 dB, a room for half of the sounds, and the
      microphone's noise; some sounds get so much gain that they clip.

    Returns float32 `[samples]`, whole numbers in int16 units.
    """
    if kind == "silence":
        return _silence(samples, rng)
    x = _MAKERS[kind](samples, rate, rng)
    if kind not in ("step", "clipped") and rng.random() < 0.5:
        x = _in_room(x, rate, rng)
    top = float(np.abs(x).max(initial=0)) or 1.0
    x = x / top * _log_uniform(rng, 100, 32767)
    if rng.random() < 0.1:
        x = x * _log_uniform(rng, 1, 30)
    match int(rng.integers(4)):
        case 0:  # a microphone whose noise depends on nothing
            x = x + _log_uniform(rng, 0.2, 30) * coloured_samples(1, samples, rng)[0]
        case 1 | 2:
            floor = np.abs(x).max(initial=0) * 10 ** (-rng.uniform(25, 70) / 20)
            x = x + min(floor, 300.0) * coloured_samples(1, samples, rng)[0]
        case _:
            pass
    return np.clip(np.rint(x), -32768, 32767).astype(np.float32)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draws a number between two positive ones whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _harmonics(base: npt.NDArray[np.float64], amplitudes: npt.NDArray[np.float64], phases: Wave) -> Wave:
    """Sums harmonics.

    - base: the phase `[n]` of the fundamental, in radians.
    - amplitudes: of the fundamental and each further harmonic, `[K]`.
    - phases: their initial phases, `[K]`, in radians.
    """
    turn = np.exp(1j * base)
    at, total = np.ones_like(turn), np.zeros(len(base))
    for amplitude, phase in zip(amplitudes, phases, strict=True):
        at = at * turn
        total += amplitude * (at.real * np.cos(phase) - at.imag * np.sin(phase))
    return total.astype(np.float32)


def _phase(frequency: float, samples: int, rate: int) -> npt.NDArray[np.float64]:
    """Returns the phase of a steady frequency, in radians."""
    return np.asarray(2 * np.pi * frequency / rate * np.arange(samples), np.float64)


def _wave(base: npt.NDArray[np.float64], highest: float, rate: int, rng: np.random.Generator) -> Wave:
    """Returns a wave of a random shape with the phase `base` `[n]`: a sine, or with all or the odd harmonics.

    - highest: the highest frequency of the fundamental; no harmonic is above half the rate.
    """
    count = max(1, int(0.49 * rate / highest)) if rng.random() < 0.5 else 1
    k = np.arange(1, min(count, 24) + 1)
    amplitudes = np.asarray(k ** -rng.uniform(0.3, 2.5), np.float64)
    if rng.random() < 0.4:
        amplitudes[k % 2 == 0] = 0
    return _harmonics(base, amplitudes, rng.uniform(0, 2 * np.pi, len(k)).astype(np.float32))


def _swell(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Returns a gain `[samples]` that swells 0.5 to 16 times a second, by a random depth, 0.05 to 1."""
    depth = rng.uniform(0, 0.95)
    angle = _phase(_log_uniform(rng, 0.5, 16), samples, rate) + rng.uniform(0, 2 * np.pi)
    return (1 - depth * (0.5 + 0.5 * np.sin(angle))).astype(np.float32)


def _gate(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Returns a gain `[samples]` of 0 and 1, with edges of 2 ms: one beep, or beeps 1 to 12 times a second."""
    t = np.arange(samples) / rate
    if rng.random() < 0.5:
        start, length = rng.uniform(0, 0.8 * samples / rate), _log_uniform(rng, 0.03, 0.6)
        on = (t >= start) & (t < start + length)
    else:
        on = (t * _log_uniform(rng, 1, 12) + rng.random()) % 1 < rng.uniform(0.1, 0.9)
    edge = max(1, int(0.002 * rate))
    return np.convolve(on, np.ones(edge) / edge, "same").astype(np.float32)


def _struck(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Returns a gain `[samples]` that rises in 1 to 100 ms and falls to 1 / e in 20 ms to a second."""
    t = np.arange(samples) / rate - rng.uniform(0, 0.7) * samples / rate
    gain = np.clip(t / _log_uniform(rng, 0.001, 0.1), 0, 1) * np.exp(-np.maximum(t, 0) / _log_uniform(rng, 0.02, 1))
    return np.asarray(gain, np.float32)


def _envelope(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Returns a gain `[samples]` that is steady, beeps, swells, or decays after a blow."""
    match int(rng.integers(5)):
        case 0:
            return _gate(samples, rate, rng)
        case 1:
            return _swell(samples, rate, rng)
        case 2:
            return _struck(samples, rate, rng)
        case _:
            return np.ones(samples, np.float32)


def _hum(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    mains = rng.random() < 0.6
    f = rng.choice([50.0, 60.0]) * rng.uniform(0.995, 1.005) if mains else _log_uniform(rng, 30, 400)
    count = max(1, min(int(rng.integers(1, 41)), int(0.49 * rate / f)))
    k = np.arange(1, count + 1)
    amplitudes = k ** -rng.uniform(0, 2.5) * rng.uniform(0.2, 1, count)
    if rng.random() < 0.3:  # a symmetric wave has odd harmonics, a rectified one even ones
        amplitudes[k % 2 == int(rng.integers(2)) if count > 1 else k < 0] *= 0.05
    x = _harmonics(_phase(f, samples, rate), amplitudes, rng.uniform(0, 2 * np.pi, count).astype(np.float32))
    return x * _swell(samples, rate, rng) if rng.random() < 0.4 else x


def _tone(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    together = _envelope(samples, rate, rng) if rng.random() < 0.7 else None
    for _ in range(int(rng.integers(1, 4))):
        f = _log_uniform(rng, 40, 0.45 * rate)
        base = _phase(f, samples, rate)
        if rng.random() < 0.2:  # vibrato: by at most 6 %, 2 to 12 times a second
            beat = _log_uniform(rng, 2, 12)
            base = base + rng.uniform(0, 0.06) * f / beat * np.sin(_phase(beat, samples, rate))
        gain = _envelope(samples, rate, rng) if together is None else together
        x += (rng.uniform(0.2, 1) * gain * _wave(base, f, rate, rng)).astype(np.float32)
    return x


def _chirp(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    low, high = _log_uniform(rng, 50, 0.45 * rate), _log_uniform(rng, 50, 0.45 * rate)
    turns = 1.0 if rng.random() < 0.5 else _log_uniform(rng, 1, 12)
    at = (np.arange(samples) / samples * turns + rng.random() * (turns > 1)) % 1
    if rng.random() < 0.4:
        at = 1 - np.abs(2 * at - 1)  # up and down again
    f = low * (high / low) ** at if rng.random() < 0.6 else low + (high - low) * at
    base = np.asarray(2 * np.pi * np.cumsum(f) / rate, np.float64)
    return _wave(base, max(low, high), rate, rng) * _envelope(samples, rate, rng)


def _times(samples: int, most: int, rng: np.random.Generator) -> list[int]:
    """Draws one to `most` times of blows: at random, in a steady beat, or ever faster as of a bouncing object."""
    count = int(rng.integers(1, most + 1))
    kind = rng.random()
    if kind < 0.6:
        start, step = rng.uniform(0, 0.6), rng.uniform(0.02, 0.35)
        faster = rng.uniform(0.5, 0.95) if kind < 0.15 else 1.0
        gaps = start + np.cumsum([0.0] + [step * faster**i for i in range(count - 1)])
        return [int(samples * at) for at in gaps if at < 0.98]
    return sorted(int(samples * t) for t in rng.uniform(0, 0.98, count))


def _click(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    for at in _times(samples, 8, rng):
        length = max(1, int(_log_uniform(rng, 1 / rate, 0.0015) * rate))
        shape = rng.choice([-1.0, 1.0]) * np.ones(length) if rng.random() < 0.6 else rng.uniform(-1, 1, length)
        x[at : at + length] += (rng.uniform(0.3, 1) * shape)[: samples - at].astype(np.float32)
    return x


def _modes(most: int, rate: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draws the frequencies of one to `most` modes of a body, in Hz: independent ones, or by one law.

    The law is f * k^p: p is 1 for a string or a pipe, 2 for a bar, and in between for plates and membranes (Fletcher
    and Rossing, The Physics of Musical Instruments, chapters 2 and 3).
    """
    count, top = int(rng.integers(1, most + 1)), min(5000.0, 0.45 * rate)
    if rng.random() < 0.5:
        return np.array([_log_uniform(rng, 60, top) for _ in range(count)])
    f = _log_uniform(rng, 60, 1500) * np.arange(1, count + 1) ** rng.uniform(0.6, 2)
    return np.asarray(f[f < top] * rng.uniform(0.97, 1.03, int((f < top).sum())))


def _body(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Returns the impulse response of an object, `[samples]`: modes that decay in a time, or in a number of cycles."""
    t = np.arange(samples) / rate
    modes = _modes(8, rate, rng)
    seconds = _log_uniform(rng, 0.003, 0.15) * np.exp(rng.uniform(-1, 1, len(modes)))  # until it has fallen to 1 / e
    if rng.random() < 0.5:
        seconds = _log_uniform(rng, 2, 60) / (np.pi * modes)
    falls = rng.uniform(0, 1.5)  # how much softer the higher ones are
    x = np.zeros(samples)
    for i, (f, tau) in enumerate(zip(modes, np.clip(seconds, 0.001, 0.4), strict=True)):
        bent = f * (1 + rng.uniform(0, 0.4) * np.exp(-t / tau)) if rng.random() < 0.1 else f  # a drum's pitch falls
        x += (
            rng.uniform(0.2, 1)
            * (i + 1) ** -falls
            * np.exp(-t / tau)
            * np.sin(2 * np.pi * bent * t + rng.uniform(0, 3))
        )
    return x.astype(np.float32)


def _convolved(x: Wave, response: Wave) -> Wave:
    """Convolves a sound with a response and keeps its length."""
    n = len(x) + len(response)
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(response, n), n)[: len(x)].astype(np.float32)


def _knock(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    seconds = _log_uniform(rng, 0.0001, 0.008)  # of the contact: a nail to a soft hand
    rough, softer = rng.uniform(0, 1) * (rng.random() < 0.6), rng.uniform(0.4, 1)
    for i, at in enumerate(_times(samples, 5, rng)):
        length = max(1, int(seconds * rng.uniform(0.8, 1.25) * rate))
        blow = np.sin(np.pi * (np.arange(length) + 0.5) / length)  # half a sine, as when two objects rebound
        blow = blow * (1 - rough + rough * rng.standard_normal(length))
        x[at : at + length] += (rng.uniform(0.5, 1) * softer**i * blow)[: samples - at].astype(np.float32)
    y = _convolved(x, _body(samples // 2, rate, rng))
    if rng.random() < 0.4:  # the noise of the skin, and of small parts that shake
        tail = np.exp(-np.arange(samples // 4) / rate / _log_uniform(rng, 0.002, 0.04))
        noise = _convolved(x, (tail * coloured_samples(1, samples // 4, rng)[0]).astype(np.float32))
        y = y / _peak(y) + np.float32(rng.uniform(0, 1)) * noise / _peak(noise)
    return y


def _peak(x: Wave) -> np.float32:
    """Returns the largest magnitude of a sound, or 1 for digital silence."""
    return np.float32(np.abs(x).max(initial=0)) or np.float32(1)


def _step(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.full(samples, rng.uniform(-0.5, 0.5), np.float32)
    decay = _log_uniform(rng, 0.003, 0.5) if rng.random() < 0.5 else np.inf
    for at in _times(samples, 3, rng):
        t = np.arange(samples - at) / rate
        x[at:] += (rng.uniform(-1, 1) * np.exp(-t / decay)).astype(np.float32)
    return x


def _clipped(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = coloured_samples(1, samples, rng)[0] * _log_uniform(rng, 1, 30)
    x = np.clip(x, -1, 1)
    return np.asarray(x * _gate(samples, rate, rng) if rng.random() < 0.4 else x, np.float32)


def _chord(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    root = 55 * 2 ** (rng.integers(0, 48) / 12)
    together = rng.random() < 0.5
    first = rng.uniform(0, 0.5) if rng.random() < 0.5 else 0.0
    for steps in rng.choice([0, 3, 4, 7, 9, 10, 12, 16, 19], int(rng.integers(2, 6)), replace=False):
        f = root * 2 ** (steps / 12)
        count = max(1, min(int(rng.integers(1, 12)), int(0.49 * rate / f)))
        k = np.arange(1, count + 1)
        at = int((first if together else rng.uniform(0, 0.8)) * samples)
        note = _harmonics(
            _phase(f, samples - at, rate),
            np.asarray(k ** -rng.uniform(0.5, 2.5), np.float64),
            rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        )
        t = np.arange(samples - at) / rate
        envelope = np.minimum(t / 0.005, 1) * np.exp(-t / _log_uniform(rng, 0.05, 3))
        x[at:] += (rng.uniform(0.4, 1) * note * envelope).astype(np.float32)
    return x


def _noise(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = coloured_samples(1, samples, rng)[0]
    if rng.random() < 0.5:
        spectrum = np.fft.rfft(x)
        f = np.fft.rfftfreq(samples, 1 / rate)
        centre, octaves = _log_uniform(rng, 60, 0.45 * rate), rng.uniform(0.1, 2)
        outside = np.abs(np.log2(np.maximum(f, 1) / centre)) > octaves
        spectrum[outside] *= 10 ** (-rng.uniform(10, 40) / 20)
        x = np.fft.irfft(spectrum, samples).astype(np.float32)
    return np.asarray(x * _envelope(samples, rate, rng) * _swell(samples, rate, rng), np.float32)


def _silence(samples: int, rng: np.random.Generator) -> Wave:
    """Returns zeros, a small constant, or zeros and ones."""
    match int(rng.integers(3)):
        case 0:
            return np.zeros(samples, np.float32)
        case 1:
            return np.full(samples, int(rng.integers(-20, 21)), np.float32)
        case _:
            return (rng.random(samples) < rng.uniform(0.01, 0.5)).astype(np.float32)


def _rattle(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    blows = max(1, int(_log_uniform(rng, 10, 4000) * samples / rate))
    x = np.zeros(samples, np.float32)
    np.add.at(x, rng.integers(samples, size=blows), rng.exponential(1, blows) * rng.choice([-1, 1], blows))
    y = _convolved(x, _body(samples // 8, rate, rng))
    return y * _envelope(samples, rate, rng) * _swell(samples, rate, rng)


def _call(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Makes a voice without words: harmonics of a bending pitch, through one to three resonances."""
    t = np.arange(samples) / samples
    f = _log_uniform(rng, 80, 1500)
    bends = np.interp(t, np.linspace(0, 1, 4), rng.uniform(-0.6, 0.6, 4) * rng.uniform(0, 1))
    pitch = f * np.exp(bends + rng.uniform(0, 0.05) * np.sin(_phase(_log_uniform(rng, 3, 40), samples, rate)))
    count = max(1, min(30, int(0.45 * rate / pitch.max())))
    harmonics = np.asarray(np.arange(1, count + 1) ** -rng.uniform(0, 1.5), np.float64)
    x = _harmonics(2 * np.pi * np.cumsum(pitch) / rate, harmonics, np.zeros(count, np.float32))
    x = x + np.float32(rng.uniform(0, 0.5) * x.std()) * coloured_samples(1, samples, rng)[0]
    spectrum, hertz = np.fft.rfft(x), np.fft.rfftfreq(samples, 1 / rate)
    through = np.full(len(hertz), rng.uniform(0, 0.2))
    for _ in range(int(rng.integers(1, 4))):
        centre, width = _log_uniform(rng, 200, 0.4 * rate), rng.uniform(0.05, 0.5)
        through += rng.uniform(0.2, 1) / (1 + ((hertz / centre - 1) / width) ** 2)
    y = np.fft.irfft(spectrum * through, samples)
    gain = _struck(samples, rate, rng) if rng.random() < 0.5 else _gate(samples, rate, rng)
    return np.asarray(y * gain, np.float32)


def _mixture(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    others = [kind for kind in _MAKERS if kind != "mixture"]
    for i in rng.choice(len(others), int(rng.integers(2, 4)), replace=False):
        y = _MAKERS[others[i]](samples, rate, rng)
        x += y / _peak(y) * np.float32(10 ** (-rng.uniform(0, 20) / 20))
    return x


def _in_room(x: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """Convolves a sound with a room: the direct path, and noise that falls by 60 dB in 0.1 to 1 s (Moorer 1979)."""
    tail = int(0.5 * rate)
    t = np.arange(tail) / rate
    room = rng.standard_normal(tail) * np.exp(-6.9 * t / _log_uniform(rng, 0.1, 1.0)) * rng.uniform(0.01, 0.15)
    room[0] = 1
    return _convolved(x, room.astype(np.float32))


_MAKERS: Mapping[NegativeKind, Callable[[int, int, np.random.Generator], Wave]] = {
    "hum": _hum,
    "tone": _tone,
    "chirp": _chirp,
    "click": _click,
    "knock": _knock,
    "step": _step,
    "clipped": _clipped,
    "chord": _chord,
    "noise": _noise,
    "rattle": _rattle,
    "call": _call,
    "mixture": _mixture,
}
