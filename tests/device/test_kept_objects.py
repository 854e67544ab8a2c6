"""Objects that are made once: what decides them makes them anew, and nothing else does."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import pytest

from micronets.device import kept_objects
from micronets.device.cross_compiler import run_tool
from micronets.device.host_compiler import host_compiler
from micronets.errors import DeviceError
from tests.support.generated_c import needs_host_compiler


class Place:
    """A folder with a source, the headers that it includes, and how often a compiler has read them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, 0
        (folder / "include").mkdir(parents=True)
        self.write("a.c", '#include <stdint.h>\n#include "first.h"\nint32_t answer(void) { return NUMBER; }\n')
        self.write("include/first.h", '#if 1\n#  include "second.h"\n#endif\n')
        self.write("include/second.h", "#define NUMBER 42\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, words: Sequence[str]) -> None:
        self.calls += 1
        run_tool(words, "compile")

    def made(self, *flags: str, command: Sequence[str] = (), first: Sequence[Path] = ()) -> bytes:
        """Returns the object, made by the compiler or kept."""
        target = self.folder / "a.o"
        target.unlink(missing_ok=True)
        files = kept_objects.ReadFiles([self.folder / "include"])
        words = command or host_compiler()
        kept_objects.compile_once(words, flags, files, self.folder / "a.c", target, self.run, first)
        return target.read_bytes()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    needs_host_compiler()
    monkeypatch.setattr(kept_objects, "_kept", OrderedDict())
    return Place(tmp_path / "one")


def test_the_same_file_is_compiled_once_wherever_it_lies(place: Place, tmp_path: Path) -> None:
    other = Place(tmp_path / "two")
    assert place.made("-O1") == place.made("-O1") == other.made("-O1")
    assert (place.calls, other.calls) == (1, 0)


@pytest.mark.parametrize("changed", ["a.c", "include/first.h", "include/second.h", "second.h", "flag", "first"])
def test_what_decides_an_object_makes_another(place: Place, changed: str) -> None:
    """A header that is found earlier than the one before decides it, too, as do flags and what `-include` names."""
    before = place.made("-O1")
    flags, first = ["-O1"], []
    if changed == "flag":
        flags = ["-O1", "-DNUMBER=7", "-Wno-macro-redefined", "-Danswer=other"]
    elif changed == "first":
        place.write("mark.h", "#define answer other\n")
        first = [place.folder / "mark.h"]
    elif changed == "second.h":
        place.write("first.h", '#include "second.h"\n')
        place.write("second.h", "#define NUMBER 43\n")
    elif changed == "a.c":  # as long as before
        place.write("a.c", (place.folder / "a.c").read_text().replace("answer", "longer"))
    else:
        text = (place.folder / changed).read_text()
        place.write(changed, text + "#undef NUMBER\n#define NUMBER 44\nint more(void);\nint more(void) { return 1; }\n")
    assert place.made(*flags, first=first) != before
    assert place.calls == 2


def test_another_compiler_makes_another(place: Place, tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(f'#!/bin/sh\nexec {host_compiler()[0]} "$@"\n')
    compiler.chmod(0o755)
    place.made("-O1", command=(str(compiler),))
    compiler.write_text(f'#!/bin/sh\nexec {host_compiler()[0]} -DMORE "$@"\n')
    os.utime(compiler, ns=(1, 1))
    place.made("-O1", command=(str(compiler),))
    assert place.calls == 2


@pytest.mark.parametrize("line", ["#include MACRO\n", '#if 0\n#include "absent.h"\n#endif\n'])
def test_a_file_whose_parts_are_not_known_is_always_compiled(place: Place, line: str) -> None:
    place.write("a.c", '#define MACRO "first.h"\n' + line + '#include "first.h"\nint answer = NUMBER;\n')
    place.made()
    place.made()
    assert place.calls == 2


def test_an_error_is_raised_each_time(place: Place) -> None:
    place.write("a.c", "int x = nothing_of_that_name;\n")
    for _ in range(2):
        with pytest.raises(DeviceError, match=r"^compile: "):
            place.made()
    assert place.calls == 2


def test_no_more_is_kept_than_there_is_room_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(place.made("-O1"))
    monkeypatch.setattr(kept_objects, "_KEPT_BYTES", size + size // 2)
    place.made("-O1", "-DX")  # drives the first one out
    place.made("-O1", "-DX")
    assert place.calls == 2
    place.made("-O1")
    assert place.calls == 3
