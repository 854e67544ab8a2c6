"""docs/own-data.md: every command of it works, on a small data set and with little training."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from micronets.frontend import encode_wav
from tests.support.calling import call
from tests.support.needs import needs
from tests.support.pages import ROOT, shell_commands
from tests.support.wavs import tone

COMMANDS = shell_commands("docs/own-data.md")
QUICK = ("search.epochs=1", "train.epochs=1", "train.qat_epochs=1", "train.batch=16")
NARROW = {"my_pictures": ("space.width_multiplier=0.2", "space.resolutions=[50]", "space.multiple=8")}


def sounds(root: Path) -> None:
    for k, name in enumerate(("drill", "hammer", "quiet")):
        (root / name).mkdir(parents=True)
        for i in range(12):
            samples = tone(100 * k + i, 22050 * (1 + i % 3), 22050, 300 * (k + 1))
            (root / name / f"{'abcd'[i % 4]}_{i}.wav").write_bytes(encode_wav(samples, 22050))


def pictures(root: Path) -> None:
    Image = needs("PIL.Image", "design")
    rng = np.random.default_rng(0)
    for k, name in enumerate(("cup", "plant")):
        (root / name).mkdir(parents=True)
        for i in range(24):
            x = rng.integers(0, 80, (70 + i, 64, 3)).astype(np.uint8)
            x[20:50, 16:48, k] = 220
            Image.fromarray(x).save(root / name / f"{'abcdef'[i % 6]}_{i}.{('png', 'jpg')[i % 2]}")


def arrays(root: Path) -> None:
    rng = np.random.default_rng(0)
    for k, name in enumerate(("circle", "shake")):
        (root / name).mkdir(parents=True)
        for i in range(20):
            x = np.sin(np.arange(32)[:, None] * (0.2 + 0.4 * k) + rng.uniform(0, 6, (1, 3))) + rng.normal(
                0, 0.1, (32, 3)
            )
            np.savetxt(root / name / f"{i}.csv", x, delimiter=",", header="x,y,z", comments="")


def recording(path: Path) -> None:
    """Writes a recording of two tones in turn, with rests between, and its label file."""
    rate, words = 16000, 32
    samples = np.random.default_rng(1).normal(0, 1, (2 * words + 1) * rate)
    labels = ["start,end,label"]
    for n in range(words):
        start = 2 * n + 1
        samples[start * rate : start * rate + rate // 2] += tone(n, rate // 2, rate, (500, 2000)[n % 2])
        labels.append(f"{start},{start + 0.5},{('drill', 'hammer')[n % 2]}")
    path.write_bytes(encode_wav(samples, rate))
    path.with_suffix(".csv").write_text("\n".join(labels) + "\n")


DATA: dict[str, Callable[[Path], None]] = {
    "my_sounds": sounds,
    "my_pictures": pictures,
    "my_arrays": arrays,
    "day1.wav": recording,
}


def test_every_command_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for name, make in DATA.items():
        make(tmp_path / name)
    done: list[tuple[str, ...]] = []
    for line in COMMANDS:
        program, command, *rest = shlex.split(line)
        assert program == "micronets"
        what = (command, rest[0], *[w for w in rest if w.startswith("data.path=")])
        if command == "run" and what in done:
            command = "search"  # with other settings; the stages behind it have been gone through already
        narrow = NARROW.get(next((w[10:] for w in rest if w.startswith("data.path=")), ""), ("space.max_width=40",))
        quick = [w for setting in (*QUICK, *narrow) for w in ("--set", setting)] if command in ("run", "search") else []
        result = call(command, *rest, *quick, *(["--json"] if command != "compile" else []))
        assert result.code == 0, (line, result.err)
        if command == "evaluate":
            name = rest[-1]
            found, facts = json.loads(result.out), json.loads((tmp_path / "runs" / name / "report.json").read_text())
            assert (found["value"], found["confusion"]) == (facts["scores"][-1]["value"], facts["confusion"])
            assert found["classes"] == sorted(p.name for p in (tmp_path / name).iterdir())
        done.append(what)
    for name in DATA:
        assert any(what[0] == "run" and f"data.path={name}" in what for what in done)
