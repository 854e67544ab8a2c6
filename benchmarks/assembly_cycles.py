"""Writes the table of cycles into every kernel in assembly: what each part of it, from label to label, takes on a
Cortex-M4.

    python -m benchmarks.assembly_cycles

Run it after a change of such a kernel. It needs arm-none-eabi-gcc, and `pip install capstone pyelftools`.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from micronets.boards.board import load_board
from micronets.device.cross_compiler import find_compiler
from micronets.device.sim import cortex_m4

CSRC = Path(str(files("micronets.compiler") / "csrc"))
_TITLE = "Cycles on a Cortex-M4 without wait states, from label to label"
_TABLE = re.compile(rf"/\* {_TITLE}.*?\*/\n", re.DOTALL)
_HEAD = f"""\
/* {_TITLE}; a branch counts as not taken, and takes
 * {cortex_m4.REFILL} cycles more where it is. Written by benchmarks/assembly_cycles.py.
 *
"""


@dataclass(frozen=True)
class Part:
    """The code between two labels.

    - label: the first of them.
    - size: its bytes.
    - count: its instructions.
    - cycles: the cycles of the instructions one after another.
    """

    label: str
    size: int
    count: int
    cycles: int


def kernels() -> list[Path]:
    """Returns the files of assembly that hold code of their own, and no other's."""
    return sorted(path for path in (CSRC / "dsp").glob("*.*") if _TABLE.search(path.read_text("utf-8")))


def parts(path: Path) -> list[Part]:
    """Returns the parts of the kernel in the .S file `path`, with the cycles that the simulator's Cortex-M4 takes."""
    from elftools.elf.elffile import ELFFile

    cc = find_compiler(load_board("NUCLEO-F446RE"), "gcc")
    with tempfile.TemporaryDirectory(prefix="micronets-") as name:
        target = Path(name) / "kernel.o"
        include = [f"-I{CSRC / folder}" for folder in ("include", "dsp")]
        subprocess.run(
            [*cc.command, *cc.core_flags, "-Wa,-L", *include, "-c", str(path), "-o", str(target)], check=True
        )
        with target.open("rb") as f:
            elf = ELFFile(f)
            index, section = next(
                (i, s) for i, s in enumerate(elf.iter_sections()) if s.name.startswith(".text.micronets_")
            )
            code, symbols = section.data(), list(elf.get_section_by_name(".symtab").iter_symbols())
    inside = [s for s in symbols if s["st_shndx"] == index and s.name and s.name[0] != "$"]
    labels = {s["st_value"] & ~1: s.name for s in inside}
    found = []
    for (start, label), (end, _) in pairwise([*sorted(labels.items()), (len(code), "")]):
        block = cortex_m4.decode(code[start:end])
        found.append(Part(label, end - start, len(block), cortex_m4.block_cycles(block)))
    return found


def table(found: list[Part]) -> str:
    """Returns the comment that holds the table."""
    width = max(len(part.label) for part in found)
    rows = [f" *   {'label':{width}}  bytes  instructions  cycles"]
    rows += [f" *   {p.label:{width}}  {p.size:5}  {p.count:12}  {p.cycles:6}" for p in found]
    return _HEAD + "\n".join(rows) + " */\n"


def updated(path: Path) -> str:
    """Returns the text of a kernel with its present table."""
    # What is included is measured in the first file that includes it, which has its name or one that begins with it.
    source = path if path.suffix == ".S" else min(path.parent.glob(f"{path.stem}*.S"))
    return _TABLE.sub(lambda _: table(parts(source)), path.read_text("utf-8"), count=1)


if __name__ == "__main__":
    for kernel in kernels():
        kernel.write_text(updated(kernel), "utf-8")
