"""`Target`: an instruction set, with all that follows from it for the generated code.

The target alone decides the kernels, the order of weights, the memory that kernels work in, and whether a depthwise
layer is computed by rows or by columns. A core's entry names its target (boards/cores.py). A new target is a name in
`KernelSet` and a value below; the type checker then names the places in compiler/kernels that must handle it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KernelSet = Literal["dsp", "mve", "plain"]
"""The kernels of a target, which decide its order of weights.

- dsp: two 16-bit products per instruction. Weights of two filters share 16 bits (f + 256 g,
  compiler/kernels/conv_weights). Every C compiler accepts these kernels: without the instructions, portable C does the
  same.
- mve: 16 byte products per instruction. Weights of convolutions and dense layers are bytes in the order of the file,
  filter by filter (compiler/kernels/conv_lanes). Layers without a kernel of their own use those of `dsp`, which such
  cores execute as well.
- plain: one product per instruction. Weights of convolutions and dense layers are single bytes, with four filters
  interleaved (compiler/kernels/conv_bytes); all other layers use the portable C of the others.
"""


@dataclass(frozen=True)
class DepthwiseCycles:
    """Cycles of the depthwise kernels, by which the compiler chooses between them, and between rows and columns.

    One channel at a time:

    - channel, channel_tap: to begin a channel, and per weight of it.
    - value: to copy an input value.
    - line: per line of outputs.
    - group, group_tap, group_tap_3x3, group_stride2: per four outputs; per weight, in a window of any size and of 3 x
      3; for the stride of 2.
    - output, output_tap: per output and per weight of it, if outputs cannot be computed in pairs.

    Four channels at a time, in cycles for one of the four:

    - by4_channel: to begin the channel.
    - by4_line: per line of outputs.
    - by4_value: to copy an input value.
    - by4_pair_3x3: per two outputs of a 3 x 3 window.
    - by4_output, by4_output_tap: per output of any other window, and per weight of it.

    Four channels at a time, two lines of outputs together, windows of 3 x 3; in cycles for one of the four:

    - two_lines_channel: to begin the channel.
    - two_lines_copy, two_lines_value: to copy two lines of the input, for both and per position on them.
    - two_lines_line, two_lines_odd: per two lines of outputs, and in addition if their number of outputs is odd.
    - two_lines_group, two_lines_stride2: per two outputs of both lines, and in addition with a stride of 2.
    - two_lines_single: per two outputs of a single last line.

    Convolutions and dense layers, to know the depthwise layers' share of a network:

    - conv_mac, conv_output: per multiplication, and per output.
    """

    channel: float
    channel_tap: float
    value: float
    line: float
    group: float
    group_tap: float
    group_tap_3x3: float
    group_stride2: float
    output: float
    output_tap: float
    by4_channel: float
    by4_line: float
    by4_value: float
    by4_pair_3x3: float
    by4_output: float
    by4_output_tap: float
    two_lines_channel: float
    two_lines_copy: float
    two_lines_value: float
    two_lines_line: float
    two_lines_odd: float
    two_lines_group: float
    two_lines_single: float
    two_lines_stride2: float
    conv_mac: float
    conv_output: float


@dataclass(frozen=True)
class Target:
    """An instruction set.

    - name: one word.
    - kernels: its kernels.
    - depthwise: the cycles of its depthwise kernels.
    """

    name: str
    kernels: KernelSet
    depthwise: DepthwiseCycles


DSP = Target(
    name="dsp",
    kernels="dsp",
    depthwise=DepthwiseCycles(  # simulated on a Cortex-M4
        channel=400,
        channel_tap=20,
        value=3.1,
        line=50,
        group=36,
        group_tap=11,
        group_tap_3x3=4.8,
        group_stride2=40,
        output=30,
        output_tap=12,
        by4_channel=60,
        by4_line=22,
        by4_value=1.8,
        by4_pair_3x3=58,
        by4_output=18,
        by4_output_tap=2.75,
        two_lines_channel=150,
        two_lines_copy=17,
        two_lines_value=5.2,
        two_lines_line=30,
        two_lines_odd=32,
        two_lines_group=67.5,
        two_lines_single=42,
        two_lines_stride2=13.5,
        conv_mac=1.07,
        conv_output=15,
    ),
)
"""Arm's DSP extension: Cortex-M4, M7 and M33."""

MVE = Target(name="mve", kernels="mve", depthwise=DSP.depthwise)
"""Arm's vector extension for cores of the M profile (Helium): Cortex-M55 and M85."""

PLAIN = Target(name="plain", kernels="plain", depthwise=DSP.depthwise)
"""Cores without instructions for several products at once: Cortex-M0+, M3, and RISC-V."""
