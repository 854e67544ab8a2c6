"""Windows of convolutions and pools along one dimension: how many there are, and the padding before the first."""

from __future__ import annotations

from micronets.ir.layers import Padding


def window(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> int:
    """Positions of a window along one axis of `size`, by TensorFlow's rule for `padding`."""
    if padding == "same":
        return -(-size // stride)
    return -(-(size - (kernel - 1) * dilation) // stride)


def pad_before(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> int:
    """Rows (or columns) of padding before the first one; TensorFlow puts the odd one after the last."""
    if padding == "valid":
        return 0
    total = (window(size, kernel, stride, dilation, padding) - 1) * stride + (kernel - 1) * dilation + 1 - size
    return max(total, 0) // 2
