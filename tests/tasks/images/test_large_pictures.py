"""Large pictures are read in bounded memory, one copy of one picture at a time."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from micronets import tasks
from micronets.errors import DataError

SIDE = 7000  # 49 million pixels: 196 MB as Pillow keeps them
ROOM = 900 << 20  # of address space: Python with numpy takes about 300 MB of it

PROGRAM = f"""
import resource, sys
from pathlib import Path
from micronets import tasks
resource.setrlimit(resource.RLIMIT_AS, ({ROOM}, {ROOM}))
data = tasks.load("images", Path(sys.argv[1]), kept=8, splits=("all",))
print(data.size("all"), data.inputs("all", dict(resolution=8, colour=3)).shape)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of address space are those of Linux")
def test_two_large_pictures_fit_into_the_memory_of_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        large = Image.new("RGB", (SIDE, SIDE), (10, 200, 30))
        large.save(tmp_path / "pictures" / name / "large.png", compress_level=1)
        large.save(tmp_path / "pictures" / name / "large.jpg")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "pictures")],
        env={"MICRONETS_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "4 (4, 8, 8, 3)\n"), done.stderr[-500:]


def test_a_picture_that_does_not_fit_into_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_: object) -> None:
        raise MemoryError

    (tmp_path / "a").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "a/x.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", no_room)
    with pytest.raises(DataError, match=r"x\.png: too large for the available memory; make it smaller$"):
        tasks.load("images", tmp_path, kept=7, splits=("all",))


def test_only_what_pillow_refuses_is_too_large_and_its_warnings_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/notes.txt").write_text("x")
    shades = Image.linear_gradient("L").resize((40, 40)).convert("RGB")
    shades.save(tmp_path / "a/x.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    data = tasks.load("images", tmp_path, kept=9, splits=("all",))
    assert data.size("all") == 1
    assert data.notes == (f"1 file that is of no image format ignored (first: {tmp_path / 'a/notes.txt'})",)
    assert not recwarn.list
    Image.new("RGB", (50, 50)).save(tmp_path / "a/y.png")
    with pytest.raises(
        DataError, match=r"y\.png: too many pixels to be a photograph, more than 2,000; make it smaller$"
    ):
        tasks.load("images", tmp_path, kept=10, splits=("all",))
