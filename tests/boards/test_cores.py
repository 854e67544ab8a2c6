"""A core is one entry: what it has to hold, and that nothing else knows cores by their names."""

import importlib
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import micronets
from micronets.boards.board import board_names, load_board
from micronets.boards.cores import CORES, Core, core_of
from micronets.device.architectures import ARCHITECTURES, architecture_of
from micronets.errors import SpecError

SOURCE = Path(micronets.__file__).parent
PROBE = "device/tflm/tflm_firmware.py"  # it asks a compiler for headers, which are the same for every core


def test_the_cores_that_there_are() -> None:
    assert {name: (core.target.name, core.fpu, core.cycle_model) for name, core in CORES.items()} == {
        "cortex-m0plus": ("plain", False, None),
        "cortex-m3": ("plain", False, None),
        "cortex-m4": ("dsp", True, "single-issue"),
        "cortex-m7": ("dsp", True, "dual-issue"),
        "cortex-m33": ("dsp", True, "single-issue"),
        "cortex-m55": ("mve", True, None),
        "cortex-m85": ("mve", True, None),
        "rv32imc": ("plain", False, None),
    }


def test_there_is_a_board_with_every_core() -> None:
    assert {load_board(name).core for name in board_names()} == CORES.keys()


def test_no_other_file_knows_a_core_by_its_name() -> None:
    """So a further core is one entry. A name is looked for as a text of its own, or after `-mcpu=`."""
    name = re.compile(rf"""["'=]({"|".join(CORES)})\b""")
    found = {str(p.relative_to(SOURCE)) for p in SOURCE.rglob("*.py") if name.search(p.read_text("utf-8"))}
    assert found == {"boards/cores.py", PROBE}


@pytest.mark.parametrize("core", CORES.values(), ids=lambda c: c.name)
def test_what_an_entry_names_exists(core: Core) -> None:
    facts = architecture_of(core.name)
    assert (SOURCE / "device/firmware" / facts.startup).is_file()
    assert core.unicorn_model or core.qemu, "nothing would execute its code"
    if core.unicorn_model and importlib.util.find_spec("unicorn"):
        constants = importlib.import_module(f"unicorn.{facts.unicorn_constants}")
        names = core.unicorn_model, facts.unicorn_argument, facts.unicorn_stack, facts.unicorn_counter
        assert all(isinstance(getattr(constants, name), int) for name in names)
    if core.qemu and (program := shutil.which(core.qemu.program)):
        listed = subprocess.run([program, "-M", "help"], capture_output=True, text=True, check=True).stdout
        assert core.qemu.machine in listed.split()


@pytest.mark.parametrize(
    ("architecture", "code", "count"),
    [
        ("arm", "00bf" "704700bf", 3),  # nop; bx lr; nop
        ("arm", "00f000f8" "00bf", 2),  # bl; nop
        ("arm", "4ff00000" "dff80000" "eff30080", 3),  # mov.w; ldr.w; mrs: each of the three beginnings
        ("riscv", "0100" "8280", 2),  # c.nop; ret
        ("riscv", "13000000" "0100" "6f000000", 3),  # nop; c.nop; j
    ],
)  # fmt: skip
def test_instructions_are_counted_by_their_lengths(architecture: str, code: str, count: int) -> None:
    assert ARCHITECTURES[architecture].instructions(bytes.fromhex(code)) == count  # type: ignore[index]


def test_an_unknown_core_names_the_nearest_and_the_way_out() -> None:
    with pytest.raises(SpecError) as e:
        core_of("cortex-m5", "mine.toml")
    assert str(e.value) == (
        "mine.toml: core = 'cortex-m5': there is no code for it; did you mean 'cortex-m85'? known: cortex-m0plus, "
        "cortex-m3, cortex-m33, cortex-m4, cortex-m55, cortex-m7, cortex-m85, rv32imc; if yours runs the instructions "
        "of one of these, give that name; if not, compile for a board of another core and build the C, which is "
        "portable, with your own tools"
    )


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("cortex-m35p", "cortex-m33"),
        ("Cortex-M52", "cortex-m55"),
        ("cortex_m0", "cortex-m0plus"),
    ],
)
def test_a_core_that_runs_the_code_of_another_names_that_one(name: str, known: str) -> None:
    with pytest.raises(SpecError) as e:
        core_of(name, "mine.toml")
    assert str(e.value) == (
        f"mine.toml: core = '{name}': there are no figures for it, but it runs the code of '{known}': write core = "
        f"'{known}', and do not count on times"
    )
