"""Folders of image files: finds the files, and makes square uint8 pictures of them, which are kept on disk."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from micronets.errors import DataError
from micronets.files import digest, identity
from micronets.frontend.image import Bytes, ImageFrontEnd, resized
from micronets.frontend.mapped import Chunks, mapped_pictures
from micronets.installation import install
from micronets.tasks.base import Labels
from micronets.tasks.class_folders import (
    SPLIT_NAMES,
    ClassFiles,
    class_files,
    class_folders_of,
    inner_splits_note,
    strangers_note,
)
from micronets.tasks.images.split import Files
from micronets.tasks.names import check_utf8, loose_note
from micronets.terminal import counted

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_VERSION = 3  # increase it whenever the arithmetic or the marks change
_CHUNK = 256
_ORIENTATION = 0x0112  # the entry of EXIF that says how a picture is turned
_LARGE, _LARGE_PIXELS = Lock(), 1 << 24
"""Pictures of more pixels are decoded one at a time, so that memory holds one of them and not one for each thread."""
_KINDS = (
    "turned as their EXIF says",
    "CMYK converted to RGB",
    "16 bits cut to 8",
    "transparent parts made black",
    "smaller than 8 pixels",
    "12 bits stored as 16 cut to 8",
    "animated, the first frame is used",
    "of one colour, or almost black (no pixel above 15 of 255)",
)
_UNREAD = (".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".dng", ".cr2", ".nef", ".arw", ".ico", ".psd")
_TELEPHONES = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF"}
"""Pictures of telephones, which are often renamed to .jpg: what stands behind `ftyp` in them, and their name."""


def read(path: Path, fe: ImageFrontEnd) -> tuple[Bytes, list[int]]:
    """Reads a picture, and returns it as `[S, S, 3]` with the side S that `fe` keeps, and which of `_KINDS` it was.

    Raises `DataError`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    found = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF, and of a large picture, which Pillow still reads
            with Image.open(path) as file, _LARGE if file.width * file.height > _LARGE_PIXELS else nullcontext():
                raw = _raw_mode(file)
                file.load()
                image: Image.Image = file
                if file.mode == "RGB" and raw in ("RGB;16B", "RGB;16L"):
                    image, twelve = _of_16_bits(path, file, raw)
                    found.append(5 if twelve else 2)
                if 2 <= file.getexif().get(_ORIENTATION, 1) <= 8:
                    image = ImageOps.exif_transpose(image)
                    found.append(0)
                if getattr(file, "is_animated", False) and file.format != "MPO":  # what telephones add is no animation
                    found.append(6)
                mode = image.mode
                if mode.startswith("I;16") or (mode == "I" and file.format in ("PNG", "PPM")):
                    pixels = np.asarray(image)
                    twelve = (
                        int(pixels.max()) < 1 << 12
                    )  # 12 bits of a sensor would otherwise give an almost black picture
                    found.append(5 if twelve else 2)
                    image = Image.fromarray((pixels >> (4 if twelve else 8)).astype(np.uint8))
                elif mode in ("I", "F"):
                    raise DataError(
                        f"{path}: pixels of 32 bits, whose range nobody knows; save it with 8 bits a channel"
                    )
                elif mode == "CMYK":
                    found.append(1)
                if image.has_transparency_data:
                    found.append(3)
                    image = image.convert("RGBA")
                    image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
                #  A picture with three colours is not copied: a large one may fit into memory only once.
                coloured = image if image.mode == "RGB" else image.convert("RGB")
                lowest, highest = np.array(coloured.getextrema()).T
                if min(image.size) < 8:
                    found.append(4)
                elif highest.max() <= 15 or (lowest == highest).all():
                    found.append(7)
                return np.asarray(_square(coloured, fe)), found
    except UnidentifiedImageError as e:
        kind = _of_a_telephone(path)
        what = "not an image" if kind is None else f"a picture in {kind}, which is not read"
        way_out = "remove it or save it again" if kind is None else _conversion(path)
        raise DataError(f"{path}: {what}, whatever its name says; {way_out}") from e
    except Image.DecompressionBombError as e:
        most = f", more than {2 * Image.MAX_IMAGE_PIXELS:,}" if Image.MAX_IMAGE_PIXELS else ""
        raise DataError(f"{path}: too many pixels to be a photograph{most}; make it smaller") from e
    except MemoryError as e:
        raise DataError(f"{path}: too large for the memory that there is; make it smaller") from e
    except OSError as e:
        raise DataError(f"{path}: damaged or cannot be read ({e}); remove it or save it again") from e
    except (ValueError, TypeError, SyntaxError, EOFError, IndexError, OverflowError) as e:
        raise DataError(f"{path}: damaged ({e}); remove it or save it again") from e


def _raw_mode(file: ImageFile) -> str:
    """Returns Pillow's name for the form in which a file's pixels are stored, such as `RGB;16B`, or ""."""
    args = file.tile[0].args if file.tile else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _of_16_bits(path: Path, high: Image, raw: str) -> tuple[Image, bool]:
    """Returns a picture of three colours of 16 bits with 8 bits, and whether the 16 hold the 12 bits of a sensor.

    Pillow reads the upper byte of each value alone, which is almost nothing where the values have 12 bits. Their lower
    bytes are what it reads as the upper ones where the order of the bytes is taken to be the other.

    - `path`: the file.
    - `high`: the picture as Pillow reads it.
    - `raw`: the form in which the pixels are stored, `RGB;16B` or `RGB;16L`.
    """
    from PIL import Image

    upper = np.asarray(high)
    if int(upper.max()) >= 16:
        return high, False
    with Image.open(path) as file:
        other = "RGB;16L" if raw == "RGB;16B" else "RGB;16B"
        file.tile = [t._replace(args=(other, *t.args[1:]) if isinstance(t.args, tuple) else other) for t in file.tile]
        lower = np.asarray(file)
    made = Image.fromarray(upper << 4 | lower >> 4)
    made.getexif()[_ORIENTATION] = high.getexif().get(_ORIENTATION, 1)
    return made, True


def _of_a_telephone(path: Path) -> str | None:
    """Tells the format of a picture that Pillow does not read, from its first bytes; None for what is none."""
    with path.open("rb") as file:
        start = file.read(12)
    return _TELEPHONES.get(start[8:12]) if start[4:8] == b"ftyp" else None


def _conversion(path: Path) -> str:
    """Returns advice that says how a picture is converted to one that can be read."""
    return f"convert it: magick {shlex.quote(path.name)} {shlex.quote(path.stem + '.png')}"


def _hint(path: Path) -> str:
    """Returns the end of a message about a file that is no readable picture: how to convert it, or ""."""
    return f"; {_conversion(path)}" if path.suffix.lower() in _UNREAD else ""


def _square(image: Image, fe: ImageFrontEnd) -> Image:
    from PIL import Image

    side, (width, height) = fe.stored, image.size
    how = Image.Resampling[fe.filter.upper()]
    if fe.fit == "crop":
        part = min(width, height)
        left, top = (width - part) / 2, (height - part) / 2
        return image.resize((side, side), how, (left, top, left + part, top + part))
    if fe.fit == "stretch" or width == height:
        return image.resize((side, side), how)
    scale = side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = Image.new("RGB", (side, side))
    canvas.paste(image.resize(size, how), ((side - size[0]) // 2, (side - size[1]) // 2))
    return canvas


def pictures(paths: Sequence[Path], fe: ImageFrontEnd) -> tuple[Bytes, tuple[str, ...]]:
    """Reads pictures `[N, S, S, 3]` in the order given, mapped from the disk, and notes on those that were converted.

    Raises `DataError`.
    """
    check_pillow()
    shape = (len(paths), fe.stored, fe.stored, 3)
    if not paths:
        return np.zeros(shape, np.uint8), ()

    def make() -> Chunks:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # Pillow releases Python's lock while it decodes
            for at in range(0, len(paths), _CHUNK):
                got = [*pool.map(lambda p: read(p, fe), paths[at : at + _CHUNK])]
                yield (
                    np.stack([x for x, _ in got]),
                    np.array([sum(1 << k for k in kinds) for _, kinds in got], np.uint8),
                )

    x, marks = mapped_pictures(_key(paths, fe), shape, make)
    hits = [(text, np.flatnonzero(marks >> k & 1)) for k, text in enumerate(_KINDS)]
    return x, tuple(f"{text}: {counted(len(hit), 'images')} (first: {paths[hit[0]]})" for text, hit in hits if len(hit))


def enlarged(x: Bytes, fe: ImageFrontEnd) -> Bytes:
    """Returns pictures `[N, S, S, C]` at the side that `fe` keeps, mapped from the disk where they had to be resized.

    Raises `DataError`.
    """
    if not len(x) or x.shape[1] == fe.stored:
        return resized(x, fe.stored, fe.filter)
    x = np.ascontiguousarray(x)

    def make() -> Chunks:
        for at in range(0, len(x), _CHUNK):
            part = resized(x[at : at + _CHUNK], fe.stored, fe.filter)
            yield part, np.zeros(len(part), np.uint8)

    key = digest(f"arrays {_VERSION} {x.shape} {digest(x.data.cast('B'))} {fe.stored} {fe.filter}")
    return mapped_pictures(key, (len(x), fe.stored, fe.stored, x.shape[3]), make)[0]


def check_pillow() -> None:
    """Raises `DataError` if Pillow is not installed."""
    try:
        import PIL  # noqa: F401
    except ImportError as e:
        raise DataError(f"reading images needs Pillow: {install('design')}") from e


def _key(paths: Sequence[Path], fe: ImageFrontEnd) -> str:
    """Returns a hash of everything that the pictures depend on. Raises `DataError` for a file that cannot be read."""
    lines = [f"images {_VERSION} {fe.stored} {fe.fit} {fe.filter}", *map(identity, paths)]
    return digest("\n".join(lines).encode(errors="surrogateescape"))


def scan(root: Path) -> tuple[dict[str, Files], tuple[str, ...]]:
    """Finds the image files of a directory by split and class, and notes.

    Without folders named train, val or test, the only split is "all". Raises `DataError` if there is nothing to use,
    naming the way out.
    """
    if not root.is_dir():
        what = "not a directory" if root.exists() else "no such directory"
        raise DataError(f"{root}: {what}; give one with a folder of images for each class")
    folders = class_folders_of(root)
    names = {p.name.lower() for p in folders}
    if folders and names <= set(SPLIT_NAMES):
        found = {SPLIT_NAMES[p.name.lower()]: _classes(p) for p in folders}
    else:
        found = {"all": _classes(root)}
    by_folder = [one for by_class in found.values() for one in by_class.values()]
    notes = strangers_note(by_folder, "of no image format", _hint)
    notes += loose_note(root, PICTURE_SUFFIXES)
    if "all" in found:
        notes += inner_splits_note(folders, "give train/CLASS and test/CLASS instead of CLASS/train and CLASS/test")
    return {s: {c: list(one.files) for c, one in by_class.items()} for s, by_class in found.items()}, notes


def _classes(root: Path) -> dict[str, ClassFiles]:
    folders = class_folders_of(root)
    if not folders:
        raise DataError(f"{root}: no folders in it; give a directory with a folder of images for each class")
    check_utf8(folders)
    return {folder.name: class_files(folder, PICTURE_SUFFIXES, "images", "add some", _hint) for folder in folders}


@dataclass(frozen=True, eq=False)
class SplitPictures:
    """The pictures of a split that were read.

    - `x`: uint8 `[N, S, S, 3]`.
    - `y`: class indices `[N]`.
    - `files`: the path of each picture below the directory of the data, with "/" between its parts.
    - `notes`: warnings about what was read.
    """

    x: Bytes
    y: Labels
    files: tuple[str, ...]
    notes: tuple[str, ...]


def read_examples(
    root: Path, files: Mapping[str, Sequence[Path]], classes: Sequence[str], fe: ImageFrontEnd
) -> SplitPictures:
    """Reads the pictures of one split.

    - `root`: the directory of the data.
    - `files`: the paths of the pictures, by class.
    - `classes`: the names of the classes, in the order of their indices.
    - `fe`: the front end, which says how pictures are kept.

    Raises `DataError`.
    """
    order = [c for c in classes if files.get(c)]
    paths = [p for c in order for p in files[c]]
    x, notes = pictures(paths, fe)
    y = np.repeat([classes.index(c) for c in order], [len(files[c]) for c in order]).astype(np.int64)
    return SplitPictures(x, y, tuple(p.relative_to(root).as_posix() for p in paths), notes)
