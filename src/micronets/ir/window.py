"""`Window`: how the kernel of a convolution or a pool slides over a map, by TensorFlow's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Pair = tuple[int, int]
"""Two numbers for the two axes of a map: first for its rows (height), then for its columns (width)."""

Padding = Literal["same", "valid"]
"""By which rule a window leaves the map.

- same: the window has as many positions as the map has rows and columns, divided by the stride and rounded up.
- valid: the window never leaves the map.
"""


@dataclass(frozen=True)
class Window:
    """A window that slides over a map; the first three fields hold a number for the rows and one for the columns.

    - kernel: how many taps it has. In a relaxed network they may be 0-d tensors, as long as the padding is `same`.
    - stride: rows and columns from one position to the next.
    - dilation: rows and columns from one tap to the next.
    - padding: by which rule the window leaves the map.

    The methods take the map's shape, `(H, W)` or `(H, W, C)`.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = "valid"

    @property
    def reach(self) -> Pair:
        """Rows and columns from the first tap to the last, both included."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    def out(self, shape: Sequence[int]) -> Pair:
        """Returns the positions of the window along the rows and along the columns: height and width of the output."""
        return self._positions(shape, 0), self._positions(shape, 1)

    def before(self, shape: Sequence[int]) -> Pair:
        """Returns the rows and columns of padding before the first ones of the map."""
        top, left = self._padded(shape)
        return top // 2, left // 2

    def after(self, shape: Sequence[int]) -> Pair:
        """Returns the rows and columns of padding after the last ones of the map.

        Of an odd number, the larger half is here.
        """
        rows, columns = self._padded(shape)
        return rows - rows // 2, columns - columns // 2

    def covered(self, shape: Sequence[int]) -> Pair:
        """Returns the rows and columns that all positions cover together, padding included."""
        out, reach = self.out(shape), self.reach
        return (out[0] - 1) * self.stride[0] + reach[0], (out[1] - 1) * self.stride[1] + reach[1]

    def _positions(self, shape: Sequence[int], axis: int) -> int:
        if self.padding == "same":
            return -(-shape[axis] // self.stride[axis])
        return -(-(shape[axis] - (self.kernel[axis] - 1) * self.dilation[axis]) // self.stride[axis])

    def _padded(self, shape: Sequence[int]) -> Pair:
        """Returns the rows and columns of padding, before and after the map together."""
        if self.padding == "valid":
            return 0, 0
        covered = self.covered(shape)
        return max(covered[0] - shape[0], 0), max(covered[1] - shape[1], 0)
