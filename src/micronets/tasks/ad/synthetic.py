"""Synthetic sounds of machines with and without faults, from a simple physical model without any recording.

    shaft phase -> harmonics and tooth noise \\
    flow or friction noise, modulated         +-> resonances of the structure -> room noise, level -> int16 samples
    knocks at the ends of a stroke           /

A *kind* (slider, fan, pump, valve) fixes the sources of sound. Its machines (`id_00`, `id_02`, ...) differ a little in
speed, stroke, spectrum of the harmonics and resonances, as machines of one make do. Every clip has its own speed, load,
level and background. A fault changes the sound as its physics would (`FAULTS`), with a random severity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]

MACHINE_RATE = 16000
MACHINE_KINDS = ("fan", "pump", "slider", "valve")
IDS = tuple(f"id_{i:02}" for i in range(8))
FAULTS: Mapping[str, tuple[str, ...]] = {
    "fan": ("bearing", "imbalance", "scrape"),
    "pump": ("bearing", "imbalance", "leak"),
    "slider": ("bearing", "scrape", "belt"),
    "valve": ("leak", "scrape", "belt"),
}
_SEVERITY: Mapping[tuple[str, str], float] = {
    ("fan", "imbalance"): 3.0,
    ("fan", "scrape"): 0.6,
    ("pump", "bearing"): 0.4,
    ("pump", "imbalance"): 2.5,
    ("pump", "leak"): 0.8,
    ("valve", "leak"): 0.7,
    ("valve", "scrape"): 1.2,
    ("valve", "belt"): 1.3,
}
"""By kind and fault, if it is not 1. They were chosen on clips of other seeds than any split's (docs/anomaly.md)."""
VERSION = 4  # increase it whenever a change here changes a sound
_TABLE = 4096


@dataclass(frozen=True, eq=False)
class Machine:
    """A machine, by the parameters of its sound.

    - `shaft_hz`: speed of the shaft, in turns a second.
    - `stroke_s`: seconds of a stroke forth and back; 0 for a machine that runs steadily.
    - `harmonics`: amplitudes of the multiples of the shaft speed, `[K]`.
    - `noise`: level of the noise.
    - `noise_depth`, `noise_order`: how much the noise swells, and at which multiple of the shaft speed.
    - `knock`: level of the knock at each end of a stroke.
    - `bearing_order`: knocks of a damaged bearing per turn of the shaft.
    - `modes`: frequency in Hz, quality and gain of each resonance, `[M, 3]`.
    """

    kind: str
    shaft_hz: float
    stroke_s: float
    harmonics: Floats
    noise: float
    noise_depth: float
    noise_order: int
    knock: float
    bearing_order: float
    modes: Floats


@dataclass(frozen=True)
class SyntheticClip:
    """A clip to synthesise: number `index` of a machine and split. In "test" every second clip has a fault."""

    kind: str
    name: str
    split: str
    index: int

    @property
    def machine(self) -> str:
        """The name of the machine, such as `slider_id_00`."""
        return f"{self.kind}_{self.name}"

    @property
    def fault(self) -> str | None:
        """The fault of the machine, or None; clips take the faults of the kind in turn."""
        faults = FAULTS[self.kind]
        return None if self.split != "test" or self.index % 2 == 0 else faults[self.index // 2 % len(faults)]

    @property
    def abnormal(self) -> bool:
        """Returns whether the machine has a fault."""
        return self.fault is not None


def synthesise(c: SyntheticClip, seconds: float) -> Samples:
    """Returns the sound of a clip, int16 units `[seconds * 16000]`; the same clip always gives the same sound."""
    seed = [MACHINE_KINDS.index(c.kind), IDS.index(c.name), ("train", "val", "test").index(c.split), c.index]
    return clip(machine(c.kind, c.name), seconds, c.fault, np.random.default_rng(seed))


# kind: shaft Hz, stroke s, teeth, level of harmonics, noise, its depth, its order, knock
_MAKES: Mapping[str, tuple[float, float, int, float, float, float, int, float]] = {
    "fan": (24.0, 0.0, 7, 0.8, 1.0, 0.25, 7, 0.0),
    "pump": (29.0, 0.0, 6, 1.2, 0.7, 0.5, 6, 0.0),
    "slider": (18.0, 1.6, 16, 0.9, 0.8, 0.2, 1, 6.0),
    "valve": (50.0, 0.9, 2, 0.5, 0.6, 0.1, 2, 14.0),
}


def machine(kind: str, name: str) -> Machine:
    """Returns the machine of that kind and name; the same arguments always give the same machine."""
    shaft, stroke, teeth, tone, noise, depth, order, knock = _MAKES[kind]
    make = np.random.default_rng(
        [7, MACHINE_KINDS.index(kind)]
    )  # these draws are the same for all machines of the kind
    own = np.random.default_rng([8, MACHINE_KINDS.index(kind), IDS.index(name)])
    k = np.arange(1, 121)
    harmonics = np.exp(make.normal(0, 0.7, len(k))) / k + 0.5 * np.isin(k % teeth, (0,)) / np.sqrt(k / teeth)
    modes = np.stack(
        [
            np.geomspace(180, 6500, 9) * np.exp(make.normal(0, 0.08, 9)),
            make.uniform(6, 25, 9),
            make.uniform(0.4, 1.4, 9),
        ],
        1,
    )
    modes *= np.exp(own.normal(0, 1, (9, 3)) * [0.02, 0.15, 0.22])
    return Machine(
        kind,
        shaft * float(np.exp(own.normal(0, 0.04))),
        stroke * float(np.exp(own.normal(0, 0.04))),
        tone * harmonics * np.exp(own.normal(0, 0.35, len(k))),
        noise * float(np.exp(own.normal(0, 0.15))),
        depth,
        order,
        knock * float(np.exp(own.normal(0, 0.2))),
        float(own.uniform(3.2, 5.4)),
        modes,
    )


def clip(m: Machine, seconds: float, fault: str | None, rng: np.random.Generator) -> Samples:
    """Returns a recording `[seconds * 16000]` in int16 units.

    - `m`: the machine.
    - `seconds`: the length of the recording.
    - `fault`: one of `FAULTS[m.kind]`, or None for a machine without a fault.
    - `rng`: draws everything that differs between two recordings of one machine.
    """
    n = round(seconds * MACHINE_RATE)
    severity = rng.uniform(0.8, 1.2) * _SEVERITY.get((m.kind, fault), 1.0) if fault else 0.0
    speed, moving, knocks = _motion(m, n, severity if fault == "belt" else 0.0, rng)
    phase = np.cumsum(m.shaft_hz * speed) / MACHINE_RATE + rng.uniform()
    drive = _wave(m, rng)[(phase * _TABLE).astype(np.int64) % _TABLE] * moving
    swell = 1 + m.noise_depth * np.sin(2 * np.pi * m.noise_order * phase)
    friction = m.noise * rng.standard_normal(n) * swell * moving
    beside: Floats | float = 0.0
    if fault is not None:
        drive, friction, beside = _CHANGES[fault](Running(m, drive, friction, phase, moving), severity, rng)
    blows = np.zeros(n)
    blows[knocks] = m.knock * rng.uniform(0.7, 1.3, len(knocks))
    sound = _structure(_aged(m, rng), drive + friction + _ringing(blows, rng))
    return _in_factory(sound + beside * sound.std(), rng)


def _aged(m: Machine, rng: np.random.Generator) -> Machine:
    """Returns the machine with slightly different resonances, as temperature and mounting change from day to day."""
    return replace(m, modes=m.modes * np.exp(rng.normal(0, 1, m.modes.shape) * [0.004, 0.05, 0.08]))


def _motion(m: Machine, n: int, slack: float, rng: np.random.Generator) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Draws the movement of the machine in a clip of `n` samples.

    - `slack`: slack of the belt, 0 to 1; it makes the speed wander, and strokes uneven.

    Returns the relative speed `[n]`, the level of the machine's sound `[n]`, and the samples at which strokes end.
    """
    slow = _wander(n, 0.8, rng)
    speed = (1 + rng.normal(0, 0.01)) * (1 + 0.003 * slow + 0.06 * slack * _wander(n, 3.0, rng))
    if not m.stroke_s:
        return speed, np.ones(n), np.zeros(0, np.int64)
    half = m.stroke_s / 2 * (1 + rng.normal(0, 0.01))
    count = int(n / MACHINE_RATE / half) + 3
    lengths = half * np.exp(rng.normal(0, 0.01 + 0.12 * slack, count))
    ends = np.cumsum(lengths) - rng.uniform(0, 2 * half)
    at = np.arange(n) / MACHINE_RATE
    part = np.interp(at, ends, np.arange(count))
    place = part - np.floor(part)
    # Away from its ends the carriage moves at full speed; an opened valve hisses for the first third.
    moving: npt.NDArray[Any] = 0.15 + (place < 0.35) * (part % 2 < 1)
    if m.kind == "slider":
        moving = np.clip(6 * np.minimum(place, 1 - place), 0.05, 1)
        speed = speed * moving
    knocks = np.round(ends * MACHINE_RATE).astype(np.int64)
    return speed, moving, knocks[(knocks >= 0) & (knocks < n)]


def _wander(n: int, hertz: float, rng: np.random.Generator) -> Floats:
    """Draws a smooth random line `[n]` of variance about 1 that changes at up to `hertz`."""
    points = rng.standard_normal(max(4, int(n / MACHINE_RATE * 2 * hertz) + 2))
    return np.interp(np.linspace(0, len(points) - 1, n), np.arange(len(points)), points)


def _wave(m: Machine, rng: np.random.Generator) -> Floats:
    """Draws the sound of one turn of the shaft `[4096]`; a random load tilts its harmonics."""
    k = np.arange(1, len(m.harmonics) + 1)
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    load = np.exp(rng.normal(0, 0.1, len(k)) - rng.normal(0, 0.1) * np.log(k / 8))
    spectrum[k] = m.harmonics * load * np.exp(2j * np.pi * rng.uniform(0, 1, len(k)))
    return np.fft.irfft(spectrum, _TABLE) * _TABLE / 2


@dataclass(frozen=True, eq=False)
class Running:
    """A machine in motion, before a fault changes its sound; every array is `[n]`, one value per sample.

    - `machine`: the machine.
    - `drive`, `friction`: the tonal and the noisy force on the structure.
    - `phase`: turns of the shaft so far.
    - `moving`: the level of the machine's sound.
    """

    machine: Machine
    drive: Floats
    friction: Floats
    phase: Floats
    moving: Floats


Changed = tuple[Floats, Floats, Floats | float]
"""The tonal and the noisy force with a fault, and its additional sound in units of the machine's own loudness."""

Change = Callable[[Running, float, np.random.Generator], Changed]
"""A fault: returns `Changed` for a running machine and a severity, 0 for none."""


def _bearing(run: Running, severity: float, rng: np.random.Generator) -> Changed:
    """Adds a damaged bearing race: a knock whenever a ball passes the damage, louder under load."""
    slip = run.phase * run.machine.bearing_order * (1 + rng.normal(0, 0.01))
    at = np.flatnonzero(np.diff(np.floor(slip)) > 0)
    blows = np.zeros(len(run.phase))
    blows[at] = rng.uniform(0.6, 1.4, len(at)) * (1 + 0.6 * np.sin(2 * np.pi * run.phase[at])) * run.moving[at]
    return run.drive, run.friction + 9 * severity * _ringing(blows, rng), 0.0


def _imbalance(run: Running, severity: float, rng: np.random.Generator) -> Changed:
    """Adds a bent shaft or a lost blade: everything swells once per turn, and the first harmonics grow."""
    swell = 1 + min(0.8 * severity, 1.0) * np.sin(2 * np.pi * run.phase + rng.uniform(0, 2 * np.pi))
    first = sum(
        np.sin(2 * np.pi * k * run.phase + rng.uniform(0, 6.28)) * run.machine.harmonics[:8].mean() for k in (1, 2, 3)
    )
    return (run.drive + 3 * severity * first) * swell, run.friction * swell, 0.0


def _scrape(run: Running, severity: float, rng: np.random.Generator) -> Changed:
    """Adds grit or a loose part that rubs: bursts of a tenth of a second, some every second."""
    n = len(run.phase)
    bursts = np.zeros(n)
    for start in rng.integers(0, n, rng.poisson(4 * n / MACHINE_RATE)):
        length = int(rng.uniform(0.05, 0.2) * MACHINE_RATE)
        bursts[start : start + length] += np.hanning(length)[: n - start] * rng.uniform(0.5, 1.5)
    grit = np.diff(rng.standard_normal(n + 1))  # brighter than the friction of a clean rail
    beside = 1.5 * severity * bursts * grit * np.maximum(run.moving, 0.3)
    return run.drive, run.friction + severity * bursts * grit, beside


def _belt(run: Running, severity: float, rng: np.random.Generator) -> Changed:
    """Adds a loose belt, which slips now and then, and squeals while it does; its other effects are in the motion."""
    n = len(run.phase)
    slips = np.clip(_wander(n, 2.0, rng) - 0.3, 0, 1) * np.maximum(run.moving, 0.2)
    pitch = rng.uniform(900, 2200) * (1 + 0.05 * _wander(n, 6.0, rng))
    turn = 2 * np.pi * np.cumsum(pitch) / MACHINE_RATE
    squeal = np.sin(turn) + 0.6 * np.sin(2 * turn) + 0.3 * np.sin(3 * turn)
    return run.drive, run.friction * (1 + severity * slips), 1.2 * severity * slips * squeal


def _leak(run: Running, severity: float, rng: np.random.Generator) -> Changed:
    """Adds a seal that hisses all the time, and reduces the pulsation of the flow."""
    hiss = np.diff(rng.standard_normal(len(run.phase) + 1))
    return run.drive * (1 - 0.3 * severity), run.friction, 0.5 * severity * hiss


_CHANGES: Mapping[str, Change] = {
    "bearing": _bearing,
    "belt": _belt,
    "imbalance": _imbalance,
    "leak": _leak,
    "scrape": _scrape,
}


def _ringing(blows: Floats, rng: np.random.Generator) -> Floats:
    """Replaces each knock by some milliseconds of decaying noise."""
    length = MACHINE_RATE // 50
    tail = rng.standard_normal(length) * np.exp(-np.arange(length) / (0.003 * MACHINE_RATE))
    at = np.flatnonzero(blows)
    out = np.zeros(len(blows) + length)
    np.add.at(out, at[:, None] + np.arange(length), blows[at, None] * tail)
    return out[: len(blows)]


def _structure(m: Machine, x: Floats) -> Floats:
    """Filters forces by the machine's body: a sum of resonances over a falling floor."""
    grid = np.linspace(0, MACHINE_RATE / 2, 4001)  # fine enough for these resonances; 20 times less work
    ratio = grid / m.modes[:, :1]
    modes = m.modes[:, 2:] / (1 - ratio**2 + 1j * ratio / m.modes[:, 1:2]) * ratio
    body = modes.sum(0) / 3 + 0.5 / (1 + grid / 2000)
    return np.fft.irfft(
        np.fft.rfft(x) * np.interp(np.linspace(0, MACHINE_RATE / 2, len(x) // 2 + 1), grid, body), len(x)
    )


def _in_factory(sound: Floats, rng: np.random.Generator) -> Samples:
    """Returns the sound as recorded at some distance in a factory.

    Background noise is 8 to 16 dB below it, other machines clang, and the level varies by up to 8 dB either way.
    """
    n = len(sound)
    f = np.arange(n // 2 + 1)
    f[0] = 1
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * f ** -rng.uniform(0.3, 0.6), n)
    clangs = np.zeros(n)
    at = rng.integers(0, n, rng.poisson(0.3 * n / MACHINE_RATE))
    clangs[at] = rng.exponential(8, len(at))
    noise = noise / noise.std() + _ringing(clangs, rng)
    rms = np.sqrt((sound**2).mean())
    mixed = sound / rms + noise * 10 ** (-rng.uniform(8, 16) / 20)
    level = 1200 * 10 ** (rng.uniform(-8, 8) / 20) / np.sqrt((mixed**2).mean())
    pcm: Samples = np.clip(np.rint(mixed * level), -32768, 32767).astype(np.float32)
    return pcm
