"""`pictures`: decodes image files to square uint8 images, which are cached on disk, and notes conversions."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from enum import IntFlag
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from micronets.errors import DataError
from micronets.files import digest, identity
from micronets.frontend.image import Bytes, ImageFrontEnd, resized
from micronets.frontend.mapped import Chunks, mapped_pictures
from micronets.installation import install
from micronets.terminal import counted

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_VERSION = 3  # increase it whenever the arithmetic or the marks change
_CHUNK = 256
_ORIENTATION = 0x0112  # the EXIF tag for the rotation of an image
_LARGE, _LARGE_PIXELS = Lock(), 1 << 24
"""Images of more pixels are decoded one at a time, so that memory holds one of them and not one per thread."""
_PHONE_FORMATS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF"}
"""Image formats of phones, often renamed to .jpg: the code after `ftyp` in the file, and the format's name."""


class Mark(IntFlag):
    """Remarks on an image; several may apply. The numbers are cached on disk beside the pixels."""

    NONE = 0
    TURNED = 1
    CMYK = 2
    CUT_16_BITS = 4
    TRANSPARENT = 8
    SMALL = 16
    CUT_12_BITS = 32
    ANIMATED = 64
    EMPTY = 128


_SAID = {
    Mark.TURNED: "rotated as their EXIF says",
    Mark.CMYK: "CMYK converted to RGB",
    Mark.CUT_16_BITS: "16 bits cut to 8",
    Mark.TRANSPARENT: "transparent parts made black",
    Mark.SMALL: "smaller than 8 pixels",
    Mark.CUT_12_BITS: "12 bits stored as 16 cut to 8",
    Mark.ANIMATED: "animated, the first frame is used",
    Mark.EMPTY: "of one colour, or almost black (no pixel above 15 of 255)",
}


def pictures(paths: Sequence[Path], fe: ImageFrontEnd) -> tuple[Bytes, tuple[str, ...]]:
    """Reads images `[N, S, S, 3]` in the given order, memory-mapped from the cache, and notes on converted ones.

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
                    np.array([mark for _, mark in got], np.uint8),
                )

    x, marks = mapped_pictures(_key(paths, fe), shape, make)
    hits = [(text, np.flatnonzero(marks & mark)) for mark, text in _SAID.items()]
    return x, tuple(f"{text}: {counted(len(hit), 'images')} (first: {paths[hit[0]]})" for text, hit in hits if len(hit))


def enlarged(x: Bytes, fe: ImageFrontEnd) -> Bytes:
    """Returns images `[N, S, S, C]` at the side that `fe` stores, memory-mapped from the cache if they were resized.

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
    """Returns a hash of everything that the pixels depend on. Raises `DataError` for a file that cannot be read."""
    lines = [f"images {_VERSION} {fe.stored} {fe.fit} {fe.filter}", *map(identity, paths)]
    return digest("\n".join(lines).encode(errors="surrogateescape"))


def read(path: Path, fe: ImageFrontEnd) -> tuple[Bytes, Mark]:
    """Reads an image, and returns it as `[S, S, 3]` with the side S that `fe` stores, and remarks on it.

    Raises `DataError`.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF, and of a large image, which Pillow still reads
            with Image.open(path) as file, _LARGE if file.width * file.height > _LARGE_PIXELS else nullcontext():
                coloured, mark = _decode_rgb(path, file)
                return np.asarray(_square(coloured, fe)), mark | _content_mark(coloured)
    except UnidentifiedImageError as e:
        kind = _phone_format(path)
        what = "not an image" if kind is None else f"an image in {kind}, which is not supported"
        way_out = "remove it or save it again" if kind is None else conversion(path)
        raise DataError(f"{path}: {what}, whatever its name says; {way_out}") from e
    except Image.DecompressionBombError as e:
        most = f", more than {2 * Image.MAX_IMAGE_PIXELS:,}" if Image.MAX_IMAGE_PIXELS else ""
        raise DataError(f"{path}: too many pixels to be a photograph{most}; make it smaller") from e
    except MemoryError as e:
        raise DataError(f"{path}: too large for the available memory; make it smaller") from e
    except OSError as e:
        raise DataError(f"{path}: damaged or cannot be read ({e}); remove it or save it again") from e
    except (ValueError, TypeError, SyntaxError, EOFError, IndexError, OverflowError) as e:
        raise DataError(f"{path}: damaged ({e}); remove it or save it again") from e


def _decode_rgb(path: Path, file: ImageFile) -> tuple[Image, Mark]:
    """Decodes a file to 8-bit red, green and blue, upright, and returns remarks on its conversion."""
    from PIL import Image, ImageOps

    mark, raw = Mark.NONE, _raw_mode(file)
    file.load()
    image: Image.Image = file
    if file.mode == "RGB" and raw in ("RGB;16B", "RGB;16L"):
        image, mark = _convert_16_bits(path, file, raw)
    if 2 <= file.getexif().get(_ORIENTATION, 1) <= 8:
        image, mark = ImageOps.exif_transpose(image), mark | Mark.TURNED
    if getattr(file, "is_animated", False) and file.format != "MPO":  # the extra images of phones are no animation
        mark |= Mark.ANIMATED
    if image.mode.startswith("I;16") or (image.mode == "I" and file.format in ("PNG", "PPM")):
        pixels = np.asarray(image)
        twelve = int(pixels.max()) < 1 << 12  # a sensor's 12 bits would otherwise give an almost black image
        image = Image.fromarray((pixels >> (4 if twelve else 8)).astype(np.uint8))
        mark |= Mark.CUT_12_BITS if twelve else Mark.CUT_16_BITS
    elif image.mode in ("I", "F"):
        raise DataError(f"{path}: pixels of 32 bits, whose range is unknown; save it with 8 bits a channel")
    elif image.mode == "CMYK":
        mark |= Mark.CMYK
    if image.has_transparency_data:
        mark |= Mark.TRANSPARENT
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    #  An image with three colours is not copied: a large one may fit into memory only once.
    return image if image.mode == "RGB" else image.convert("RGB"), mark


def _content_mark(coloured: Image) -> Mark:
    """Returns remarks on an image from which a network can hardly learn."""
    lowest, highest = np.array(coloured.getextrema()).T
    if min(coloured.size) < 8:
        return Mark.SMALL
    return Mark.EMPTY if highest.max() <= 15 or (lowest == highest).all() else Mark.NONE


def _raw_mode(file: ImageFile) -> str:
    """Returns Pillow's name for the form in which a file's pixels are stored, such as `RGB;16B`, or ""."""
    args = file.tile[0].args if file.tile else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _convert_16_bits(path: Path, high: Image, raw: str) -> tuple[Image, Mark]:
    """Converts a 16-bit colour image to 8 bits, and returns whether the 16 bits held the 12 of a sensor.

    Pillow reads only the upper byte of each value, which is almost nothing for 12-bit values. To get the lower bytes,
    the file is read with the other byte order, so that they become the upper ones.

    - `path`: the file.
    - `high`: the image as Pillow reads it.
    - `raw`: the form in which the pixels are stored, `RGB;16B` or `RGB;16L`.
    """
    from PIL import Image

    upper = np.asarray(high)
    if int(upper.max()) >= 16:
        return high, Mark.CUT_16_BITS
    with Image.open(path) as file:
        other = "RGB;16L" if raw == "RGB;16B" else "RGB;16B"
        file.tile = [t._replace(args=(other, *t.args[1:]) if isinstance(t.args, tuple) else other) for t in file.tile]
        lower = np.asarray(file)
    made = Image.fromarray(upper << 4 | lower >> 4)
    made.getexif()[_ORIENTATION] = high.getexif().get(_ORIENTATION, 1)
    return made, Mark.CUT_12_BITS


def _phone_format(path: Path) -> str | None:
    """Returns the format of an image that Pillow does not read, from its first bytes; None if they show no image."""
    with path.open("rb") as file:
        start = file.read(12)
    return _PHONE_FORMATS.get(start[8:12]) if start[4:8] == b"ftyp" else None


def conversion(path: Path) -> str:
    """Returns advice on how to convert an image to one that can be read."""
    return f"convert it: magick {shlex.quote(path.name)} {shlex.quote(path.stem + '.png')}"


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
