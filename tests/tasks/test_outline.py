"""What tasks say of their data before these are made or read is what the data then say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.tasks import Outline


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_task_knows_its_least_networks(name: str) -> None:
    known = tasks.find(name).outline(tasks.find(name).options())
    assert known.classes >= 2
    of_files = tasks.find(name).outline(tasks.find(name).options(path="nowhere"))
    assert 2 <= of_files.classes <= known.classes
    assert of_files.space_options.keys() == known.space_options.keys()


@pytest.mark.parametrize("name", ["audio", "features", "images"])
def test_synthetic_data_are_as_was_said(name: str) -> None:
    task = tasks.find(name)
    sizes = "synthetic_images" if name == "images" else "synthetic_clips"
    known = task.outline(replace(task.options(), **{sizes: 40}))
    data = tasks.load(name, **{sizes: 40})
    assert known == Outline(len(data.classes), data.space_options)


def test_the_header_of_an_npz_tells_its_shape(tmp_path: Path) -> None:
    task = tasks.find("features")
    np.savez(tmp_path / "data.npz", x=np.zeros((6, 30, 4), np.float32), y=np.arange(6))
    for path in (tmp_path / "data.npz", tmp_path):
        assert task.outline(task.options(path=str(path))).space_options == {"height": 30, "width": 4, "channels": 1}
    (tmp_path / "data.npz").write_bytes((tmp_path / "data.npz").read_bytes()[:50])
    least = {"height": 1, "width": 1, "channels": 1}
    assert task.outline(task.options(path=str(tmp_path))).space_options == least
    assert task.outline(task.options(path=str(tmp_path / "none"))).space_options == least
