"""The task `kws`: keyword spotting, which word was said in a second of audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from micronets.errors import DataError, SpecError
from micronets.frontend import PRESETS, FrontEnd, network_input
from micronets.frontend.recording import SOUND_SUFFIXES
from micronets.ranges import check_fields, ranged
from micronets.tasks.base import ALL, SPLITS, Balance, Card, Examples, Outline, Task, check_splits
from micronets.tasks.kws import clips, long_recordings, prepared, synthetic
from micronets.tasks.kws.data import KEYWORDS, SILENCE, UNKNOWN, KwsData
from micronets.tasks.kws.folders import LISTS, Folders, scan
from micronets.tasks.kws.negatives import with_negatives
from micronets.tasks.kws.settings import SpectrogramAugmentation
from micronets.tasks.labelled import examples_of
from micronets.terminal import counted

__all__ = [
    "KEYWORDS",
    "SILENCE",
    "TASK",
    "UNKNOWN",
    "KwsData",
    "KwsOptions",
    "SpectrogramAugmentation",
    "examples",
    "load",
    "outline",
]

FEATURES, TEST_WAV = "features.npz", "test_wav"


@dataclass(frozen=True)
class KwsOptions:
    """The source of the examples. Relative paths start at the current directory.

    - `path`: a folder of WAVs per class, a long recording with a label file beside it or a folder of such, a Speech
      Commands directory, or a `features.npz`; empty: speech is synthesised.
    - `synthetic_clips`: training clips to synthesise, if there is no path.
    - `test`: a folder of WAVs per class to test on, if they are not part of `path`.
    - `words`: the keywords of a Speech Commands directory; empty: its ten. Other words are `_unknown_`.
    - `silence`: whether a Speech Commands directory has the class `_silence_`, cut from its background noise.
    - `share`: examples of `_unknown_` and of `_silence_` in an epoch, as a multiple of the mean number of the other
      classes.
    - `balance`: how often an epoch uses the words' training clips: each once (`none`), or every word equally often
      (`sampled`), repeating rare ones; the best epoch is then chosen by the balanced accuracy.
    - `negatives`: share of an epoch that are synthesised sounds without a keyword: hums, tones, clicks, knocks, chords,
      noises, and speech that is no word. They become `_silence_` and `_unknown_`; without either class there are none.
    - `augmentation`: the augmentation of training clips.
    - `frontend`: the front end for recordings; the default is the log-mel.
    """

    path: str = ""
    synthetic_clips: int = ranged(2000, 1, 1_000_000)
    test: str = ""
    words: tuple[str, ...] = ()
    silence: bool = True
    share: float = ranged(1.0, 0, 100)
    balance: Balance = "none"
    negatives: float = ranged(0.1, 0, 0.9)
    augmentation: SpectrogramAugmentation = field(default_factory=SpectrogramAugmentation)
    frontend: FrontEnd | None = None

    def __post_init__(self) -> None:
        check_fields(self, "data.")


def outline(options: KwsOptions) -> Outline:
    """Returns the facts that are known before the data exist. Raises `DataError` for a damaged file."""
    fe = options.frontend.base() if options.frontend else FrontEnd()
    if not options.path:
        return Outline(len(synthetic.CLASSES), {"frames": fe.frames, "bands": fe.n_mels})
    path = Path(options.path)
    is_recording = path.suffix.lower() in SOUND_SUFFIXES
    if (path.is_file() and not is_recording) or (path / FEATURES).is_file():  # its front end is its own
        classes, fe = prepared.front_end_of(path if path.is_file() else path / FEATURES)
        return Outline(max(2, classes), {"frames": fe.frames, "bands": fe.n_mels})
    least = len(options.words) + options.silence if options.words else 2  # every folder may be a keyword
    return Outline(max(2, least), {"frames": fe.frames, "bands": fe.n_mels})


def load(
    path: Path | None = None,
    *,
    test: Path | str | None = None,
    words: Sequence[str] | None = None,
    silence: bool = True,
    frontend: FrontEnd | None = None,
    splits: Sequence[str] = SPLITS,
    augmentation: SpectrogramAugmentation | None = None,
    share: float = 1.0,
    negatives: float = 0.1,
    seed: int = 0,
    synthetic_clips: int = 2000,
) -> KwsData:
    """Reads keyword data, or synthesises speech.

    - `path`: a `features.npz`, or the directory that holds it (see `prepared`), with WAVs in `test_wav` beside it as
      "test"; a Speech Commands directory (`testing_list.txt`, or folders of the ten keywords and others), for the
      12-class task or that of other `words`; a directory with a folder of WAVs per class; a recording with a label file
      beside it or a directory of such (see `long_recordings`); or None for synthetic speech.
    - `test`: a directory with a folder of WAVs per class; "test" is then that and nothing else.
    - `words`: the keywords of a Speech Commands directory; without them, its ten.
    - `silence`: whether a Speech Commands directory has the class `_silence_`.
    - `frontend`: the front end of the features; without it, that of `features.npz`, or the log-mel.
    - `splits`: the splits to read, or "all" for every clip of a directory of folders; the others stay empty.
    - `augmentation`, `share`: see `KwsData`.
    - `negatives`: see `KwsOptions`.
    - `seed`: seed of all random draws.
    - `synthetic_clips`: training clips to synthesise without a path.

    Raises `DataError` for data that cannot be used, and `SpecError` for a bad option.
    """
    check_splits(splits, (*SPLITS, ALL) if path else SPLITS)
    fe, test = None if frontend is None else frontend.base(), None if test is None else Path(test)
    if path is not None:
        data = _read(path, test, words, silence, fe, splits, seed)
    else:
        for name, value in (("test", test), ("words", words), ("silence", None if silence else "false")):
            if value is not None:
                raise SpecError(f"kws: option {name} = {value} needs a data directory; synthetic speech has its own")
        sizes = {**synthetic.SIZES, "train": synthetic_clips}
        data = synthetic.load(sizes=sizes, frontend=fe, splits=tuple(splits), seed=seed)
    data = replace(data, share=share, augmentation=augmentation or SpectrogramAugmentation())
    return with_negatives(data, negatives, seed, speech=True)


def _read(
    path: Path,
    test: Path | None,
    words: Sequence[str] | None,
    silence: bool,
    frontend: FrontEnd | None,
    splits: Sequence[str],
    seed: int,
) -> KwsData:
    """Reads the data at `path`; the arguments are those of `load`."""
    is_recording = path.suffix.lower() in SOUND_SUFFIXES
    if (path.is_file() and not is_recording) or (path / FEATURES).is_file():
        file = path if path.is_file() else path / FEATURES
        _refuse_of_speech_commands(words, silence, f"{file} has classes of its own")
        beside = file.parent / TEST_WAV
        test = beside if test is None and path.is_dir() and beside.is_dir() else test
        return _prepared(file, test, frontend, splits, seed)
    fe = frontend or FrontEnd()
    chosen = tuple(s for s in splits if not (s == "test" and test))
    pairs = long_recordings.find_recordings(path)
    if pairs is not None:
        _refuse_of_speech_commands(words, silence, f"{path} has labels of its own")
        got = clips.labelled_recordings(pairs, fe, chosen, test is None, seed)
        return _of_clips(got, path, "windows", test, fe, splits)
    folders = scan(path)
    keywords = words or (KEYWORDS if _is_speech_commands(folders) else None)
    if keywords and "all" not in splits:
        got = clips.speech_commands(folders, keywords, fe, chosen, seed, silence)
        what = "Speech Commands recordings"
    else:
        if "all" not in splits:
            _refuse_of_speech_commands((), silence, f"in {path} every folder is a class")
        got = clips.class_folders(folders, fe, chosen, test is None, seed)
        what = "recordings"
    return _of_clips(got, path, what, test, fe, splits)


def _refuse_of_speech_commands(words: Sequence[str] | None, silence: bool, why: str) -> None:
    """Raises `SpecError` for an option that only a directory of Speech Commands has.

    - `words`, `silence`: arguments of `load`.
    - `why`: what the data are instead, for the error.
    """
    if words or not silence:
        given = f"words = {', '.join(words)}" if words else "silence = false"
        raise SpecError(f"kws: option {given} is for Speech Commands; {why}")


def _of_clips(
    got: clips.Clips,
    path: Path,
    what: str,
    test: Path | None,
    fe: FrontEnd,
    splits: Sequence[str],
) -> KwsData:
    """Makes a data set of clips that were read from `path`, with test data from another directory.

    - `got`: the clips.
    - `what`: the word for the clips in the description of their source.
    - `test`, `splits`: arguments of `load`.
    - `fe`: the front end of the features.
    """
    x, y, notes, recordings = got.features, got.target, got.notes, got.held
    if test and "test" in splits:
        held = clips.held_out_clips(test, got.classes, fe)
        x["test"], y["test"], got.files["test"], recordings = held.features, held.target, held.files, held.held
        notes += held.notes
    source = f"{path.name}: {sum(map(len, y.values()))} {what}"
    return KwsData(
        classes=got.classes, source=source, frontend=fe, features=x, target=y, files=got.files,
        background=got.background, notes=notes, held=recordings,
    )  # fmt: skip


def _prepared(file: Path, test: Path | None, frontend: FrontEnd | None, splits: Sequence[str], seed: int) -> KwsData:
    """Reads a `features.npz`; the arguments are those of `load`. Raises `DataError`."""
    if "all" in splits:
        raise DataError(f"{file}: split 'all' is for directories of WAV files; allowed here: {', '.join(SPLITS)}")
    p = prepared.load(file, splits, seed)
    fe = frontend or p.frontend.base()
    x, y = p.features, p.target
    notes: tuple[str, ...] = ()
    named: dict[str, tuple[str, ...]] = {}
    recordings = None
    # Pixels of integer and float arithmetic differ by 1 at most, so that either serves a model of the other.
    alike = replace(fe, arithmetic=p.frontend.arithmetic) == p.frontend.base()
    if not alike and (test is None or tuple(splits) != ("test",)):
        raise DataError(
            f"{file}: prepared with another front end than the one asked for ({fe.kind}, {fe.window_ms:g} ms every"
            f" {fe.hop_ms:g} ms); give a directory of WAV files"
        )
    if test:
        held = clips.held_out_clips(test, p.classes, fe)
        x["test"], y["test"], notes, named = held.features, held.target, held.notes, {"test": held.files}
        recordings = held.held
    more = f", test: {counted(len(y['test']), 'recordings')}" if test else ""
    return KwsData(
        classes=p.classes, source=f"{file.parent.name}/{file.name}: {p.rows} prepared "
                                  f"clips{more}", frontend=fe, features=x,
        target=y, files=named, background=p.background, notes=notes, held=recordings,
    )  # fmt: skip


def _is_speech_commands(folders: Folders) -> bool:
    listed = any((folders.root / name).is_file() for name in LISTS.values())
    here = set(folders.files)
    return set(KEYWORDS) <= here and (
        listed or (bool(folders.background) and bool(here - {*KEYWORDS, UNKNOWN, SILENCE}))
    )


def examples(card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
    """Reads a split of the data through the model's own front end, with the classes in the order of its labels.

    - `path`, `test`: as for `load`.
    - `split`: may be "all" for a directory of folders.

    Without labels the order is that of the data. Raises `SpecError` for a model without front end or with one that does
    not fit its input, and `DataError`, also if the split is empty or holds a class that the model does not know.
    """
    fe = front_end_of(card)
    words, silence = _learnt_words(card, path)
    data = load(path, test=test, words=words, silence=silence, frontend=fe, splits=(split,))
    return model_examples(card, fe, data, split, path or "synthetic speech")


def _learnt_words(card: Card, path: Path | None) -> tuple[tuple[str, ...] | None, bool]:
    """Returns the options `words` and `silence` of `load` with which the classes of a model are read.

    They are the defaults, except for a directory of Speech Commands with a folder for every word of the model.
    """
    words = tuple(label for label in card.labels or () if label not in (SILENCE, UNKNOWN))
    if path is None or not words or not all((path / word).is_dir() for word in words):
        return None, True
    if not _is_speech_commands(scan(path)):
        return None, True
    return words, SILENCE in (card.labels or ())


def front_end_of(card: Card) -> FrontEnd:
    """Returns the front end of a model. Raises `SpecError` if there is none or it does not fit the model's input."""
    if card.frontend is None:
        names = ", ".join(PRESETS)
        raise SpecError(f"{card.where}: carries no front end; name one with --front-end: {names}, or a JSON file")
    fe = FrontEnd.from_json(card.frontend, card.where)
    if fe.input_shape != card.input_shape:
        raise SpecError(
            f"{card.where}: its input is {card.input_shape}, the front end gives {fe.input_shape}; name another one"
        )
    return fe


def model_examples(card: Card, fe: FrontEnd, data: KwsData, split: str, where: Path | str) -> Examples:
    """Returns a split of `data` through the front end `fe`, with the classes in the order of the model's labels.

    - `card`: the facts about the model.
    - `fe`: the model's front end.
    - `data`: the examples.
    - `split`: the split.
    - `where`: what the data are, for errors.

    Raises `DataError` if the split is empty or holds a class that the model does not know.
    """
    x = data.of_split(data.features, split)
    return examples_of(data, card, split, where, lambda rows: network_input(x if rows is None else x[rows], fe))


TASK = Task(
    name="kws",
    about="keyword spotting: which of a few words was said in one second of sound",
    inputs="kws",
    options=KwsOptions,
    load=load,
    outline=outline,
    examples=examples,
)
