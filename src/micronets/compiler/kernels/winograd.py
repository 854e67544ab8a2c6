"""3 x 3 convolutions of stride 1 by Winograd's F(4, 3): half the products, for four times the flash of the weights.

csrc/include/micronets_winograd.h has the formulas. The arithmetic is exact for any 8-bit weights as long as no sum of
products with its bias reaches 2^28 (`WINOGRAD_LIMIT`), which is proved from the layer's own weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from micronets.boards.targets import Target
from micronets.compiler.kernels.base import FlashOutline, Kernel, LayerCode, Place, runner_of
from micronets.compiler.kernels.conv import (
    WINDOWED_BYTES,
    ConvKernel,
    int8_rows,
    windowed_code,
)
from micronets.compiler.kernels.goal import CYCLES_A_BYTE, Goal
from micronets.compiler.kernels.requantise import requant_bytes, requantisation
from micronets.compiler.kernels.window import window_struct
from micronets.cost.counts import step_macs
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D
from micronets.quantized.arithmetic import IntArray
from micronets.quantized.model import QuantizedModel

CONV_WINOGRAD = "micronets_conv_winograd"
WINOGRAD_SOURCES = (CONV_WINOGRAD, "micronets_winograd_transform", "micronets_winograd_multiply")

TILE, TILE_INPUTS, TILES = 4, 6, 2
"""Outputs of a tile, inputs of a row under it, and tiles that are computed together, as in micronets_winograd.h."""

WINOGRAD_LIMIT = 2**28
"""The magnitude that sums of products with their bias must stay below."""

_G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]])

# Cycles of the kernel's parts on a Cortex-M4, from the tables in its two files of assembly.
_STEP = 17.2  # for two channels of one row, two tiles and four filters
_PRODUCT = 36.0  # for each of six products, besides its steps
_BLOCK = 720.0  # for four filters and two tiles, besides the products
_TRANSFORM = 53.5  # for two channels of a tile and a row
_TILE = 100.0  # for a tile and a row, besides


@dataclass(frozen=True)
class WinogradKernel(ConvKernel):
    """A 3 x 3 convolution of stride 1 that makes four outputs of a row from 18 products a channel instead of 36.

    It keeps three rows of the input transformed, and its weights transformed in flash. In patches, which transform
    rows twice, and where sums are too large, the layer is computed as by `ConvKernel`.
    """

    @property
    def weights_bytes(self) -> int:
        """Bytes of the transformed weights."""
        return winograd_bytes(self.layer.filters, self.step.input_shapes[0][2])

    @property
    def passes(self) -> float:
        """How often all weights are read: once for every two tiles."""
        height, width, _ = self.step.output_shape
        return height * float(-(-width // (TILE * TILES)))

    @property
    def own_scratch_bytes(self) -> int:
        """Bytes of three transformed rows, and of the six pixels under a tile at the edge."""
        channels = self.step.input_shapes[0][2]
        groups = -(-self.step.output_shape[1] // (TILE * TILES))
        return groups * TILES * TILE_INPUTS * 3 * 2 * channels + align(TILE_INPUTS * channels, 4)

    def in_patches(self) -> Kernel:
        """Returns a `ConvKernel`, since rows of patches would be transformed twice."""
        return ConvKernel(self.step, self.layer)

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        filters = self.layer.filters
        constants = winograd_bytes(filters, self.step.input_shapes[0][2]) + requant_bytes(filters, filters)
        return FlashOutline(constants + WINDOWED_BYTES, runner_of(CONV_WINOGRAD), WINOGRAD_SOURCES)

    def code_in_flash(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel or, for numbers that it cannot hold, what `ConvKernel` returns."""
        layer, weights = self.layer, model.weights[self.layer.name]
        rows = int8_rows(weights)
        if rows is None:
            return super().code_in_flash(model, place)
        requant = requantisation(model, layer, rows, place)
        if not requant.packed or requant.largest >= WINOGRAD_LIMIT:
            return super().code_in_flash(model, place)
        window = window_struct(self.step, place, layer.window, pad_value=model.quant[layer.inputs[0]].zero_point)
        table = place.table("uint32_t", "weights", winograd_words(rows.reshape(len(rows), 3, 3, -1)))
        return LayerCode(windowed_code(place, CONV_WINOGRAD, layer, table, window, requant).call, WINOGRAD_SOURCES)


def winograd_words(weights: IntArray) -> npt.NDArray[np.uint32]:
    """Returns weights `[filters, 3, 3, channels]` of 8 bits as micronets_winograd_multiply reads them.

    The words are `[filters / 4, 6, channels / 2, 3 rows, 4 filters]`, each with two channels: of every four, the first
    and the third, then the second and the fourth. Filters are filled up with zeros to a multiple of four.
    """
    padded = np.pad(weights.astype(np.int64), ((0, -len(weights) % 4), (0, 0), (0, 0), (0, 0)))
    u = np.einsum("kx,fyxc->fkyc", _G, padded)
    filters, products, rows, channels = u.shape
    pairs = u.reshape(filters, products, rows, channels // 4, 2, 2).swapaxes(-1, -2)  # [.., quads, pairs, 2]
    pairs = pairs.reshape(filters // 4, 4, products, rows, channels // 2, 2).transpose(0, 2, 4, 3, 1, 5)
    return np.asarray((pairs[..., 0] & 0xFFFF) | (pairs[..., 1] & 0xFFFF) << 16, np.uint32)


def winograd_bytes(filters: int, channels: int) -> int:
    """Returns the bytes of the words that `winograd_words` makes of this many filters."""
    return align(filters, 4) * 3 * TILE_INPUTS * channels * 2


def can_winograd(step: Step, layer: Conv2D) -> bool:
    """Returns whether `WinogradKernel` can compute a convolution."""
    square = layer.kernel == (3, 3) and layer.stride == (1, 1) and layer.dilation == (1, 1) and layer.groups == 1
    return square and layer.weight_bits == 8 and step.input_shapes[0][2] % 4 == 0


def pays(step: Step, layer: Conv2D, target: Target, goal: Goal) -> bool:
    """Returns whether a convolution that `can_winograd` should be computed so, by the cycles that it saves.

    - step, layer: the convolution.
    - target: the instruction set, with cycles by which the other kernel is estimated.
    - goal: what kernels are chosen for.
    """
    channels, filters = step.input_shapes[0][2], layer.filters
    saved = direct_cycles(step, target) - winograd_cycles(step)
    more = winograd_bytes(filters, channels) - align(filters, 4) * 9 * channels
    return saved > 0 and saved >= CYCLES_A_BYTE[goal] * more


def winograd_cycles(step: Step) -> float:
    """Returns how many cycles of a Cortex-M4 without wait states `WinogradKernel` takes for a layer, about."""
    height, width, filters = step.output_shape
    pairs = step.input_shapes[0][2] / 2
    groups = -(-width // (TILE * TILES))
    block = TILE_INPUTS * (3 * pairs * _STEP + _PRODUCT) + _BLOCK
    transform = pairs * _TRANSFORM + _TILE
    return height * groups * (-(-filters // 4)) * block + (height + 2) * -(-width // TILE) * transform


def direct_cycles(step: Step, target: Target) -> float:
    """Returns how many cycles `ConvKernel` takes for a layer without wait states, about."""
    cycles = target.depthwise
    return float(cycles.conv_mac * step_macs(step) + cycles.conv_output * math.prod(step.output_shape))
