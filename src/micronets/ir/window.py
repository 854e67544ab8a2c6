"""`Window`: how the kernel of a convolution or a pool slides over a map, by TensorFlow's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Pair = tuple[int, int]
"""Two numbers for the two axes of a map: first for its rows (height), then for its columns (width)."""

Padding = Literal["same", "valid"]
"""The padding rule.

- same: along each axis the window has size / stride positions, rounded up; it may extend beyond the map.
- valid: the window stays inside the map.
"""


@dataclass(frozen=True)
class Window:
    """A window that slides over a map; the first three fields hold one number for the rows and one for the columns.

    - kernel: the numbers of taps. In a relaxed network with `same` padding they may be 0-d tensors.
    - stride: rows and columns from one position to the next.
    - dilation: rows and columns from one tap to the next.
    - padding: the padding rule.

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
        """Returns the number of window positions along each axis: the height and the width of the output."""
        return self._positions(shape, 0), self._positions(shape, 1)

    def before(self, shape: Sequence[int]) -> Pair:
        """Returns the rows and columns of padding before the map's first row and column."""
        top, left = self._padded(shape)
        return top // 2, left // 2

    def after(self, shape: Sequence[int]) -> Pair:
        """Returns the rows and columns of padding after the map's last row and column.

        If the total is odd, this side gets the larger half.
        """
        rows, columns = self._padded(shape)
        return rows - rows // 2, columns - columns // 2

    def covered(self, shape: Sequence[int]) -> Pair:
        """Returns the rows and columns that all positions together cover, padding included."""
        out, reach = self.out(shape), self.reach
        return (out[0] - 1) * self.stride[0] + reach[0], (out[1] - 1) * self.stride[1] + reach[1]

    def _positions(self, shape: Sequence[int], axis: int) -> int:
        if self.padding == "same":
            return -(-shape[axis] // self.stride[axis])
        return -(-(shape[axis] - (self.kernel[axis] - 1) * self.dilation[axis]) // self.stride[axis])

    def _padded(self, shape: Sequence[int]) -> Pair:
        """Returns the total rows and columns of padding, before and after the map."""
        if self.padding == "valid":
            return 0, 0
        covered = self.covered(shape)
        return max(covered[0] - shape[0], 0), max(covered[1] - shape[1], 0)
