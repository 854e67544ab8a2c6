"""The published data sets of the tasks: archives with addresses, sizes, checksums and licences, and their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from micronets.errors import SpecError, did_you_mean

_SPEECH = "https://storage.googleapis.com/download.tensorflow.org/data/"
_COCO = "http://images.cocodataset.org/"
_DCASE = "https://zenodo.org/records/3678171/files/"


@dataclass(frozen=True)
class Archive:
    """A published file.

    - `part`: its name for the option `--part`.
    - `name`: name of the file.
    - `url`: its address at the publisher's.
    - `checksum`: `md5:` or `sha256:` and hexadecimal digits: the publisher's, or for Speech Commands those that
      TensorFlow and torchaudio check.
    - `folder`: the folder in the data directory to which it is unpacked.
    - `within`: whether the archive itself has this folder at its top.
    - `holds`: a file or directory that must be in `folder` afterwards; "" for no check.
    - `size`: expected bytes, None if unknown; a size that the server states takes precedence.
    - `growth`: unpacked bytes per byte of the archive, roughly.
    """

    part: str
    name: str
    url: str
    checksum: str
    folder: str
    within: bool
    holds: str
    size: int | None
    growth: float


@dataclass(frozen=True)
class Source:
    """The published data set of a task.

    - `task`: name of the task.
    - `title`: the title of the data set, with its reference.
    - `licence`: its licence.
    - `page`: the page that describes it.
    - `archives`: its files.
    - `usual`: the parts that are fetched by default.
    - `settings`: keys of a configuration that use the data, each with its folder in the data directory, "" for that
      directory itself; a setting whose folder is missing is left out.
    """

    task: str
    title: str
    licence: str
    page: str
    archives: tuple[Archive, ...]
    usual: tuple[str, ...]
    settings: Mapping[str, str]


def _dcase_archive(kind: str, md5: str, size: int | None) -> Archive:
    """Describes the archive of one kind of machine of the DCASE data."""
    name = f"dev_data_{kind}.zip"
    return Archive(kind, name, _DCASE + name, f"md5:{md5}", kind, True, "train", size, 1.4)


_TRAIN, _TEST = "speech_commands_v0.02", "speech_commands_test_set_v0.02"

SOURCES: Mapping[str, Source] = {
    "kws": Source(
        "kws",
        "Speech Commands v0.02 (Warden 2018)",
        "CC BY 4.0",
        "https://www.tensorflow.org/datasets/catalog/speech_commands",
        (
            Archive(
                "train", f"{_TRAIN}.tar.gz", f"{_SPEECH}{_TRAIN}.tar.gz",
                "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
                _TRAIN, False, "testing_list.txt", 2_428_923_189, 1.6,
            ),
            Archive(
                "test", f"{_TEST}.tar.gz", f"{_SPEECH}{_TEST}.tar.gz",
                "sha256:cc2a00c1147c2254e9be3fa0f779d8c17421dc349b86366567a8edfa9acd51df",
                _TEST, False, "_silence_", 112_563_277, 1.6,
            ),
        ),
        ("train", "test"),
        {"data.path": _TRAIN, "data.test": _TEST},
    ),
    "ic": Source(
        "ic",
        "CIFAR-10 (Krizhevsky 2009), Python version",
        "none stated; cite A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        (
            Archive(
                "cifar10", "cifar-10-python.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                "md5:c58f30108f718f92721af3b95e74349a", "cifar-10-batches-py", True, "data_batch_1", 170_498_071, 1.2,
            ),
        ),
        ("cifar10",),
        {"data.path": ""},
    ),
    "vww": Source(
        "vww",
        "COCO 2014 (Lin et al. 2014)",
        "annotations CC BY 4.0; the images stay under the terms of Flickr and of their owners",
        "https://cocodataset.org/#download",
        (
            Archive(
                "annotations", "annotations_trainval2014.zip", f"{_COCO}annotations/annotations_trainval2014.zip",
                "md5:0a379cfc70b0e71301e0f377548639bd", "annotations", True, "instances_val2014.json", 252_872_794, 4.0,
            ),
            Archive(
                "val", "val2014.zip", f"{_COCO}zips/val2014.zip",
                "md5:a3d79f5ed8d289b7a7554ce06a5782b3", "val2014", True, "", None, 1.1,
            ),
            Archive(
                "train", "train2014.zip", f"{_COCO}zips/train2014.zip",
                "md5:0da8c0bd3d6becc4dcb32757491aca88", "train2014", True, "", None, 1.1,
            ),
        ),
        ("annotations", "val", "train"),
        {"data.path": ""},
    ),
    "ad": Source(
        "ad",
        "DCASE 2020 Task 2, development data: MIMII and ToyADMOS (Koizumi et al. 2020)",
        "CC BY-NC-SA 4.0",
        "https://zenodo.org/records/3678171",
        (
            _dcase_archive("slider", "da24a757719f0d94d5aa2d646bbfdc86", 1_002_998_966),
            _dcase_archive("fan", "649bdfc06263ae7a838963f43b6641e6", 1_354_774_772),
            _dcase_archive("pump", "90e7091ef722b7238a7f1009365779cd", 1_031_279_015),
            _dcase_archive("valve", "34d2672f55bb041589ef79c10dc89934", None),
        ),
        ("slider",),
        {"data.path": ""},
    ),
}  # fmt: skip
"""Data sets by task. MicroNets' anomaly detection is that of the slide rail, so the other machines are optional."""


def source_of(task: str) -> Source:
    """Returns the data set of a task. Raises `SpecError` for a task without a published one."""
    if task not in SOURCES:
        raise SpecError(f"task '{task}' has no published data set to get; {did_you_mean(task, SOURCES)}")
    return SOURCES[task]


def select_archives(source: Source, parts: Sequence[str]) -> tuple[Archive, ...]:
    """Returns the archives of the given parts of a data set, or of its usual ones, each once.

    Raises `SpecError` for a part that the data set does not have.
    """
    known = {a.part: a for a in source.archives}
    for part in parts:
        if part not in known:
            raise SpecError(f"--part {part}: {source.task} has no such part; {did_you_mean(part, known)}")
    return tuple(known[p] for p in dict.fromkeys(parts or source.usual))
