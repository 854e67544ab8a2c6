"""What wake word models of the field hear on a composed stream, behind TFLM's own front end, and what they cost.

    python -m benchmarks.wake_words FIELD CLIPS [--seconds S]
    python -m benchmarks.wake_words FIELD CLIPS --synthesise WORD [WORD ...] [--seconds S]
    python -m benchmarks.wake_words FIELD SPEECH_COMMANDS --micro-speech [--seconds S]

FIELD is a directory of `.tflite` files whose names end in the word, as `9011a815_alexa.tflite`; those that take three
frames of 40 bands at a time are taken, but for `vad`, which hears voices and no word. CLIPS has a folder of recordings
for each word, some for other words, and `_background_noise_`. All models hear one stream, in which the words of `WORDS`
are said; a word that is not among them has false accepts alone. With --synthesise, espeak-ng says words of which there
are no recordings, each on a stream of its own among the recordings in CLIPS. With --micro-speech, networks like TFLM's
micro_speech are judged, each by a stream of its own words. It writes the tables into docs/streaming.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.listening_cost import ListeningCost, listening_cost
from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.commands.evaluate import runner
from micronets.commands.front_end import with_front_end
from micronets.commands.stream import StreamEvaluation, composed_sound, result_of
from micronets.errors import UnsupportedError
from micronets.frontend import encode_wav, micro
from micronets.runtimes import OUR_C
from micronets.streaming import plan_stream
from micronets.streaming.offline import hear
from micronets.tasks.kws import synthetic
from micronets.tflite import model_file

PAGE = Path(__file__).parent.parent / "docs" / "streaming.md"
BOARD, WORDS = "NUCLEO-F446RE", ("alexa",)
SPEECH = {
    "tflite_micro_speech": ("yes", "no", "unknown", "silence"),
    "micro_speech_custom": ("silence", "unknown", "yes", "no"),
    "micro_speech_custom_lr": ("silence", "unknown", "left", "right"),
    "micro_speech_custom_ud": ("silence", "unknown", "up", "down"),
}
"""Networks like micro_speech by the ends of their files' names, and what their outputs stand for."""

VOICES = 40
"""Clips of a word that espeak-ng says, each by another voice, speed and pitch."""

HEAD = """\
| model | said | detected | false accepts an hour | latency | 90 % | front end | network | SRAM | flash |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


def word_of(path: Path) -> str:
    """Returns the word in the name of a file."""
    return path.stem.partition("_")[2].replace("_", " ")


def row(name: str, found: StreamEvaluation, cost: ListeningCost) -> str:
    """Returns a line of a table."""
    times = [f"{t:,.0f} ms" if t is not None else "" for t in (found.latency_median_ms, found.latency_90_ms)]
    said = (str(found.said), str(found.detected)) if found.said else ("", "")
    return (
        f"| {name} | {said[0]} | {said[1]} | {found.false_accepts_per_hour:.1f} | {times[0]} | {times[1]} |"
        f" {cost.front_end_cycles / 1e6:.2f} M | {cost.network_cycles / 1e6:.2f} M | {cost.sram_bytes:,} |"
        f" {cost.flash_bytes:,} |"
    )


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("field", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--micro-speech", action="store_true")
    parser.add_argument("--synthesise", nargs="+", default=[], metavar="WORD")
    options = parser.parse_args()
    if options.synthesise:
        synthesised(options.field, options.clips, options.synthesise, options.seconds)
    elif options.micro_speech:
        micro_speech(options.field, options.clips, options.seconds)
    else:
        wake_words(options.field, options.clips, options.seconds)


def wake_words(field: Path, clips: Path, seconds: float) -> None:
    """Measures networks of microWakeWord and writes their table."""
    models = [p for p in field.glob("*.tflite") if _takes_frames(p) and word_of(p) != "vad"]
    sound, lines = None, [HEAD]
    for path in sorted(models, key=lambda p: (word_of(p) not in WORDS, word_of(p))):
        file = with_front_end(path, "micro", [word_of(path)])
        plan = plan_stream(file.model, file.name)
        sound = sound or composed_sound(plan, clips, seconds, 0)
        heard = hear(file.model, plan, sound.samples, runner(file, OUR_C.name))
        found = result_of(file.name, OUR_C.name, sound, heard, plan.detector)
        lines.append(row(word_of(path), found, listening_cost(file, load_board(BOARD))))
        print(lines[-1], flush=True)
    assert sound is not None, "there are models"
    lines.append(
        f"\nOne stream of {seconds / 60:.0f} minutes, in which only {' and '.join(WORDS)} of these words is "
        f"said: {'; '.join(sound.notes)}. Nothing was tuned. Latency is from the end of a word, in the median and in "
        "90 % of the detections. Cycles of front end and network are those of a second of sound on a simulated "
        f"{BOARD} with its waits, every byte compared; SRAM and flash are those of both together. "
        f"{date.today().isoformat()}, `python -m benchmarks.wake_words FIELD CLIPS`."
    )
    replace_section(PAGE, "wake words", "\n".join(lines))


def synthesised(field: Path, clips: Path, words: Sequence[str], seconds: float) -> None:
    """Measures networks of microWakeWord on words that espeak-ng says, and writes their table.

    - field: the directory of the models.
    - clips: folders of recordings, which become other words, and of noise.
    - words: those that are said, each of which has a model.
    - seconds: the length of each word's stream.
    """
    lines, models = [HEAD], {word_of(path): path for path in field.glob("*.tflite") if _takes_frames(path)}
    for word in words:
        if word not in models:
            sys.exit(f"{word}: no model of this word in {field}; there are {', '.join(sorted(models))}")
        file = with_front_end(models[word], "micro", [word])
        plan = plan_stream(file.model, file.name)
        with tempfile.TemporaryDirectory() as name:
            for folder in clips.iterdir():
                (Path(name) / folder.name).symlink_to(folder.resolve())
            said = Path(name) / word
            said.mkdir()
            for i, clip in enumerate(synthetic.spoken([word], VOICES, micro.RATE)[word]):
                (said / f"{i}.wav").write_bytes(encode_wav(clip, micro.RATE))
            sound = composed_sound(plan, Path(name), seconds, 0)
        heard = hear(file.model, plan, sound.samples, runner(file, OUR_C.name))
        found = result_of(file.name, OUR_C.name, sound, heard, plan.detector)
        lines.append(row(word, found, listening_cost(file, load_board(BOARD))))
        print(lines[-1], flush=True)
    lines.append(
        f"\nSYNTHESISED words: streams of {seconds / 60:.0f} minutes, in each of which {VOICES} clips of the word by "
        "espeak-ng are said among recordings of other words and over noise. These networks were trained on other "
        "voices, so that people may be heard better or worse. The other columns are those of the table before. "
        f"{date.today().isoformat()}, `python -m benchmarks.wake_words FIELD CLIPS "
        f"--synthesise {' '.join(chr(34) + word + chr(34) for word in words)}`."
    )
    replace_section(PAGE, "synthesised wake words", "\n".join(lines))


def micro_speech(field: Path, clips: Path, seconds: float) -> None:
    """Measures networks like micro_speech and writes their table."""
    lines = [HEAD]
    for end, classes in SPEECH.items():
        (path,) = (p for p in field.glob("*.tflite") if p.stem.partition("_")[2] == end)
        file = with_front_end(path, "micro-20ms", classes)
        plan = plan_stream(file.model, file.name)
        sound = composed_sound(plan, clips, seconds, 0)
        heard = hear(file.model, plan, sound.samples, runner(file, OUR_C.name))
        found = result_of(file.name, OUR_C.name, sound, heard, plan.detector)
        name = f"{end}: {', '.join(word for word in classes if word not in ('silence', 'unknown'))}"
        lines.append(row(name, found, listening_cost(file, load_board(BOARD))))
        print(lines[-1], flush=True)
    lines.append(
        f"\nStreams of {seconds / 60:.0f} minutes, composed of the clips of Speech Commands in {clips.name}, with the "
        "default detector; every other clip is no word of the network's. The other columns are those of the table of "
        "wake words. "
        f"{date.today().isoformat()}, `python -m benchmarks.wake_words FIELD SPEECH_COMMANDS --micro-speech`."
    )
    replace_section(PAGE, "micro speech", "\n".join(lines))


def _takes_frames(path: Path) -> bool:
    """Tells whether a model takes three frames of 40 bands at a time."""
    try:
        return model_file(path).model.arch.input_shape == (3, 40)
    except UnsupportedError:
        return False


if __name__ == "__main__":
    main()
