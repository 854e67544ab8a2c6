"""`Core`: a processor of boards, with all that building for it and executing its code depend on.

The compiler uses a core's target, the cross compilers its flags, the simulator and QEMU their models of it, TFLM's
makefile its name. A new core is one value in `CORES`. If it has a new instruction set, that is a `Target`
(boards/targets.py). If no other core has its architecture, that needs an entry in device/architectures.py as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from micronets.boards.targets import DSP, MVE, PLAIN, Target
from micronets.errors import SpecError, did_you_mean

Architecture = Literal["arm", "riscv"]
"""The family of a core, which decides its start-up code, memory map and debuggers.

- arm: Arm's M profile: Thumb instructions, and a vector table with the initial stack and the entry point.
- riscv: RISC-V with 32-bit registers.
"""

CycleModel = Literal["single-issue", "dual-issue"]
"""The model that turns executed instructions into cycles.

- single-issue: the table of Arm's manual of the Cortex-M4 (device/sim/cortex_m4), and a board's factor.
- dual-issue: the same, and a scoreboard of two instructions a cycle, like that of a Cortex-M7 (device/sim/cortex_m7).
"""


@dataclass(frozen=True)
class QemuMachine:
    """A machine of QEMU that executes a core's code.

    - program: the command. debian_package: the Debian package that has it.
    - machine: its option `-M`.
    - options: further words of the command line.
    - memory_bytes: bytes of the memory for code and constants, and of that for data, each.
    """

    program: str
    debian_package: str
    machine: str
    memory_bytes: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Core:
    """A processor.

    - name: the compilers' name for it, which is also `core` of a board's file.
    - label: the maker's name for it, for messages.
    - target: its instruction set, for the compiler.
    - architecture: the family that it belongs to.
    - fpu: whether it has instructions for float32.
    - aligned_only: whether it can access values of several bytes only at multiples of their size.
    - zig: flags that select it, for clang from pip's `ziglang`. Those for GCC are the board's `compiler_flags`.
    - gcc: names of GCCs that build for it; the first installed one is used.
    - unicorn_model: the constant of unicorn's package that names the simulated processor; None if unicorn does not
      execute all of its instructions. QEMU then replaces the simulator.
    - qemu: the machine in which QEMU executes its code, or None.
    - cycle_model: computes cycles of simulated instructions; None if there is no such model. Then instructions are
      counted, and there are no times.
    - tflm_arch: the name in TFLM's makefile (TARGET_ARCH of `cortex_m_generic`), with its FPU, without which floats
      would be passed in other registers; None if the makefile does not know it.
    - tflm_asks_fpu: whether that makefile must be told the FPU, as that core comes with several.
    """

    name: str
    label: str
    target: Target
    architecture: Architecture
    fpu: bool
    aligned_only: bool
    zig: tuple[str, ...]
    gcc: tuple[str, ...]
    unicorn_model: str | None
    qemu: QemuMachine | None
    cycle_model: CycleModel | None
    tflm_arch: str | None
    tflm_asks_fpu: bool = False

    @property
    def no_times(self) -> str | None:
        """Why there are no times of this core, in a few words; None if there are."""
        return None if self.cycle_model else f"no cycle model of a {self.label}: instructions are counted, no times"

    @property
    def no_tflm(self) -> str | None:
        """Why there is no TFLM for this core, in a few words; None if there is."""
        if self.tflm_arch is not None:
            return None
        known = ", ".join(name for name, core in CORES.items() if core.tflm_arch)
        return f"TFLM with CMSIS-NN is not built for the core '{self.name}', only for {known}"


_ARM_GCC = ("arm-none-eabi-gcc",)
_RISCV_GCC = ("riscv64-unknown-elf-gcc", "riscv32-unknown-elf-gcc", "riscv-none-elf-gcc")
_MPS2_BYTES = 4 << 20
_MPS3_AN547 = QemuMachine("qemu-system-arm", "qemu-system-arm", "mps3-an547", 512 << 10)  # with a Cortex-M55
_HARD_FLOAT = (
    "-target",
    "thumb-freestanding-eabihf",
    "-mthumb",
    "-mfloat-abi=hard",
)  # and the FPU, which clang guesses wrongly
_SOFT_FLOAT = ("-target", "thumb-freestanding-eabi", "-mthumb", "-mfloat-abi=soft")

_ALL = (
    Core(
        name="cortex-m0plus",
        label="Cortex-M0+",
        target=PLAIN,
        architecture="arm",
        fpu=False,
        aligned_only=True,
        zig=(*_SOFT_FLOAT, "-mcpu=cortex_m0plus"),
        gcc=_ARM_GCC,
        unicorn_model="UC_CPU_ARM_CORTEX_M0",
        # QEMU's machines with a Cortex-M0 have 16 KB of SRAM. A Cortex-M3 executes every instruction of ARMv6-M.
        qemu=QemuMachine("qemu-system-arm", "qemu-system-arm", "mps2-an385", _MPS2_BYTES),
        cycle_model=None,
        tflm_arch="cortex-m0plus",
    ),
    Core(
        name="cortex-m3",
        label="Cortex-M3",
        target=PLAIN,
        architecture="arm",
        fpu=False,
        aligned_only=False,
        zig=(*_SOFT_FLOAT, "-mcpu=cortex_m3"),
        gcc=_ARM_GCC,
        unicorn_model="UC_CPU_ARM_CORTEX_M3",
        qemu=QemuMachine("qemu-system-arm", "qemu-system-arm", "mps2-an385", _MPS2_BYTES),
        cycle_model=None,
        tflm_arch="cortex-m3",
    ),
    Core(
        name="cortex-m4",
        label="Cortex-M4",
        target=DSP,
        architecture="arm",
        fpu=True,
        aligned_only=False,
        zig=(*_HARD_FLOAT, "-mcpu=cortex_m4+vfp4d16sp"),
        gcc=_ARM_GCC,
        unicorn_model="UC_CPU_ARM_CORTEX_M4",
        qemu=QemuMachine("qemu-system-arm", "qemu-system-arm", "mps2-an386", _MPS2_BYTES),
        cycle_model="single-issue",
        tflm_arch="cortex-m4+fp",
    ),
    Core(
        name="cortex-m7",
        label="Cortex-M7",
        target=DSP,
        architecture="arm",
        fpu=True,
        aligned_only=False,
        zig=(*_HARD_FLOAT, "-mcpu=cortex_m7+fp_armv8d16sp"),
        gcc=_ARM_GCC,
        unicorn_model="UC_CPU_ARM_CORTEX_M7",
        qemu=QemuMachine("qemu-system-arm", "qemu-system-arm", "mps2-an500", _MPS2_BYTES),
        cycle_model="dual-issue",
        tflm_arch="cortex-m7+fp",
        tflm_asks_fpu=True,
    ),
    Core(
        name="cortex-m33",
        label="Cortex-M33",
        target=DSP,
        architecture="arm",
        fpu=True,
        aligned_only=False,
        zig=(*_HARD_FLOAT, "-mcpu=cortex_m33+dsp+fp_armv8d16sp"),
        gcc=_ARM_GCC,
        unicorn_model="UC_CPU_ARM_CORTEX_M33",
        # QEMU's machines with a Cortex-M33 have another memory map. A Cortex-M55 executes all of its instructions.
        qemu=_MPS3_AN547,
        cycle_model="single-issue",
        tflm_arch="cortex-m33",
    ),
    Core(
        name="cortex-m55",
        label="Cortex-M55",
        target=MVE,
        architecture="arm",
        fpu=True,
        aligned_only=False,
        zig=(*_HARD_FLOAT, "-mcpu=cortex_m55+mve+mve_fp+fp_armv8d16sp"),
        gcc=_ARM_GCC,
        unicorn_model=None,
        qemu=_MPS3_AN547,
        cycle_model=None,
        tflm_arch="cortex-m55",
    ),
    Core(
        name="cortex-m85",
        label="Cortex-M85",
        target=MVE,
        architecture="arm",
        fpu=True,
        aligned_only=False,
        zig=(*_HARD_FLOAT, "-mcpu=cortex_m85+mve+mve_fp+fp_armv8d16sp"),
        gcc=_ARM_GCC,
        unicorn_model=None,
        # QEMU has no Cortex-M85. A Cortex-M55 executes all instructions that the kernels use.
        qemu=_MPS3_AN547,
        cycle_model=None,
        tflm_arch="cortex-m85",
    ),
    Core(
        name="rv32imc",
        label="RISC-V RV32IMC",
        target=PLAIN,
        architecture="riscv",
        fpu=False,
        aligned_only=True,  # other cores with that instruction set may do it slowly, or not at all
        zig=("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c", "-mabi=ilp32"),
        gcc=_RISCV_GCC,
        unicorn_model="UC_CPU_RISCV32_SIFIVE_E31",  # RV32IMAC, and so no FPU
        qemu=QemuMachine("qemu-system-riscv32", "qemu-system-misc", "virt", 32 << 20, ("-bios", "none")),
        cycle_model=None,
        tflm_arch=None,
    ),
)

CORES: Mapping[str, Core] = MappingProxyType({core.name: core for core in _ALL})
"""Every core that the compiler generates code for, by name."""


_RUNS_CODE_OF: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("cortex-m0", "cortex-m1", "cortex-m23"), "cortex-m0plus"),
        **dict.fromkeys(("cortex-m4f",), "cortex-m4"),
        **dict.fromkeys(("cortex-m7f",), "cortex-m7"),
        **dict.fromkeys(("cortex-m33f", "cortex-m35p"), "cortex-m33"),
        **dict.fromkeys(("cortex-m52",), "cortex-m55"),
    }
)
"""Cores that are not in `CORES`, with one in it whose instructions they all have.

By Arm's architecture manuals, ARMv6-M is the base of ARMv8-M Baseline (M23); the M52 has the vector extension, like the
M55.
"""


def core_of(name: str, where: str) -> Core:
    """Returns the core of that name.

    - where: the board or the file that names it, for the message.

    Raises `SpecError` for an unknown core.
    """
    if name not in CORES:
        other = _RUNS_CODE_OF.get(name.lower().replace("_", "-").replace(" ", "-").replace("arm-", ""))
        if other is not None:
            raise SpecError(
                f"{where}: core = '{name}': there are no figures for it, but it runs the code of '{other}': write core "
                f"= '{other}', and do not count on times"
            )
        raise SpecError(
            f"{where}: core = '{name}': there is no code for it; {did_you_mean(name, CORES)}; if yours runs the "
            "instructions of one of these, give that name; if not, compile for a board of another core and build the "
            "C, which is portable, with your own tools"
        )
    return CORES[name]
