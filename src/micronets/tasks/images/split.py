"""Splits of image files, with equal shares of every class; files that belong together by their names stay together.

Images of one scene, person or recording look alike; with some in training and others in the test, the test would be too
easy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from micronets.errors import DataError
from micronets.terminal import counted

Files = dict[str, list[Path]]
"""Files by class."""


def beginning(stem: str) -> str:
    """Returns the part before the first `_`, `-` or space: `anna_12` gives `anna`."""
    return re.split(r"[_\- ]", stem)[0]


def source(stem: str) -> str:
    """Returns a name without the final letter or small number that distinguishes parts of one picture.

    So `crop0011b` gives `crop0011`, and `12_3` gives `12`.
    """
    return re.sub(r"(?<=\d)(?:[a-z]|[_\-]\d{1,2})$", "", stem)


def held_out(
    files: Mapping[str, Sequence[Path]], parts: Sequence[str], where: Path, share: float = 0.1
) -> dict[str, Files]:
    """Moves a share of every class to each of `parts`, and the rest to "train"; returns the files by split and class.

    - `files`: the paths of the images, by class.
    - `parts`: the names of the splits that get a share.
    - `where`: their directory, for errors.
    - `share`: the share of a class that each part gets, above 0.

    The split of an image depends on the names alone. Images are moved in groups if the names make enough of them (by
    their beginnings first, then by `source`), otherwise one by one. Raises `DataError` for a class with too few images.
    """
    for c, paths in files.items():
        if len(paths) <= len(parts):
            raise DataError(
                f"{where / c}: class '{c}' has {counted(len(paths), 'images')}; at least {len(parts) + 1} are needed"
                f" (one each for train, {' and '.join(parts)}); add more"
            )
    for name in (beginning, source):

        def group(c: str, path: Path, name: Callable[[str], str] = name) -> str:
            below = path.parent.name  # images of one folder below that of the class belong together
            return name(path.stem) if below in ("", c) else f"{below}/"

        divided = _divided(files, parts, share, group)
        if divided is not None:
            return divided
    out: dict[str, Files] = {s: {} for s in (*parts, "train")}
    for c, paths in files.items():
        rest = sorted(paths, key=lambda p: _hash(f"{c}/{p.name}"))
        for s in parts:
            n = max(1, round(share * len(paths)))
            out[s][c], rest = sorted(rest[:n]), rest[n:]
        out["train"][c] = sorted(rest)
    return out


def _divided(
    files: Mapping[str, Sequence[Path]], parts: Sequence[str], share: float, group: Callable[[str, Path], str]
) -> dict[str, Files] | None:
    """Moves whole groups to each part until it has its share of every class; returns None if that is impossible."""
    groups: dict[str, dict[str, list[Path]]] = {}
    for c, paths in files.items():
        for p in paths:
            groups.setdefault(group(c, p), {}).setdefault(c, []).append(p)
    if all(len(v) == 1 for by_class in groups.values() for v in by_class.values()):
        return None  # these names only number the images
    left = sorted(groups, key=_hash)
    out: dict[str, Files] = {s: {c: [] for c in files} for s in (*parts, "train")}
    for part in parts:
        for name in list(left):
            # A group that would give a part far more than its share of a class stays in training.
            fits = all(len(out[part][c]) + len(v) <= 1.5 * share * len(files[c]) + 1 for c, v in groups[name].items())
            wanted = any(len(out[part][c]) < share * len(files[c]) for c in groups[name])
            if fits and wanted:
                left.remove(name)
                for c, v in groups[name].items():
                    out[part][c] += v
    for name in left:
        for c, v in groups[name].items():
            out["train"][c] += v
    enough = all(len(out[s][c]) >= 0.5 * share * len(files[c]) for s in parts for c in files)
    enough &= all(len(out["train"][c]) >= 0.5 * len(files[c]) for c in files)
    full = all(out[s][c] for s in out for c in files)
    return {s: {c: sorted(v) for c, v in by.items()} for s, by in out.items()} if enough and full else None


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode(errors="surrogateescape")).hexdigest()
