"""Torch building blocks shared by `Net` and the supernet: TensorFlow's padding, quick convolutions, CPU set-up.

Maps are `[N, C, H, W]` tensors in `channels_last` memory, which is the NHWC order of the architecture. The detours
below give the same sums as the plain call; each avoids a path that is 5 to 100 times slower on a CPU.
"""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from micronets.errors import SpecError
from micronets.ir.layers import Activation
from micronets.ir.window import Pair, Window

BN_EPSILON = 1e-3
BN_MOMENTUM = 0.1


def padding(x: Tensor, window: Window) -> tuple[Pair, Pair]:
    """Rows and columns of padding of a map `[N, C, H, W]`, each before the first and after the last."""
    (top, left), (bottom, right) = window.before(x.shape[2:]), window.after(x.shape[2:])
    return (top, bottom), (left, right)


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, window: Window, groups: int = 1) -> Tensor:
    """Convolution of `x` [N, C, H, W] with `weight` [K, C / groups, kh, kw] under TensorFlow's padding."""
    stride, dilation = window.stride, window.dilation
    if stride != (1, 1) and window.kernel == (1, 1):
        return F.conv2d(x[:, :, :: stride[0], :: stride[1]], weight, bias, groups=groups)
    rows, columns = padding(x, window)
    if dilation[0] > 1 and window.kernel[1] == 1 and stride == (1, 1) and rows[0] % dilation[0] == 0:
        return _dilated_rows(x, weight, bias, dilation[0], rows, groups)
    if groups > 1 and stride != (1, 1) and x.device.type == "cpu":
        return _strided_depthwise(x, weight, bias, stride, dilation, rows, columns, groups)
    return _padded(x, weight, bias, stride, dilation, rows, columns, groups)


def _padded(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair, rows: Pair, columns: Pair, groups: int
) -> Tensor:
    if rows[0] == rows[1] and columns[0] == columns[1]:
        return F.conv2d(x, weight, bias, stride, (rows[0], columns[0]), dilation, groups)
    return F.conv2d(F.pad(x, (*columns, *rows)), weight, bias, stride, 0, dilation, groups)


def _dilated_rows(x: Tensor, weight: Tensor, bias: Tensor | None, d: int, rows: Pair, groups: int) -> Tensor:
    """Dilation along the rows as a plain convolution: a [H, W] map is a [H / d, d * W] map in the same memory."""
    n, c, height, width = x.shape
    out = height + sum(rows) - (weight.shape[2] - 1) * d
    extra = -height % d
    nhwc = F.pad(x, (0, 0, 0, extra)).permute(0, 2, 3, 1) if extra else x.permute(0, 2, 3, 1)
    folded = nhwc.reshape(n, (height + extra) // d, d * width, c).permute(0, 3, 1, 2)
    y = F.conv2d(folded, weight, bias, 1, (rows[0] // d, 0), 1, groups)
    k, high = y.shape[1], y.shape[2]
    y = y.permute(0, 2, 3, 1).reshape(n, high * d, width, k)
    return (y[:, :out] if out < high * d else y).permute(0, 3, 1, 2)


def _strided_depthwise(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair, rows: Pair, columns: Pair, groups: int
) -> Tensor:
    """Strided depthwise convolution on a CPU, where the bf16 one is 10 to 100 times slower than that of float32."""
    low = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    if low not in (torch.bfloat16, torch.float16):
        return _padded(x, weight, bias, stride, dilation, rows, columns, groups)
    if x.shape[3] == 1 and weight.shape[3] == 1:
        return _padded(x, weight, bias, (1, 1), dilation, rows, columns, groups)[:, :, :: stride[0]]
    with torch.autocast("cpu", enabled=False):
        wide = None if bias is None else bias.float()
        return _padded(x.float(), weight.float(), wide, stride, dilation, rows, columns, groups).to(low)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """The batch norm after every convolution: epsilon of Keras, a momentum that suits short trainings."""
    return nn.BatchNorm2d(channels, eps=BN_EPSILON, momentum=BN_MOMENTUM)


def activate(x: Tensor, activation: Activation) -> Tensor:
    """The fused activation of a layer."""
    match activation:
        case "none":
            return x
        case "relu":
            return F.relu(x)
        case "relu6":
            return F.relu6(x)
    raise SpecError(f"activation '{activation}'; allowed: none, relu, relu6")


def to_nchw(x: Tensor) -> Tensor:
    """[N, H, W, C] -> [N, C, H, W] in `channels_last` memory: a view when `x` is contiguous."""
    return x.contiguous().permute(0, 3, 1, 2)


def to_nhwc(x: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, H, W, C]."""
    return x.permute(0, 2, 3, 1)


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the GPU when there is one; `cpu` and `cuda` insist. Raises `SpecError` for a device that is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise SpecError(f"device '{name}'; allowed: auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise SpecError("device 'cuda': torch sees no GPU here; use device = 'auto'")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def prepare_cpu() -> None:
    """Keeps freed memory in the process instead of giving it back to the system after every operation (glibc only).

    By default every map above 32 MB is mapped and zeroed anew each time it is made: 2 to 4 times the time of the whole
    operation. Call once before a training; a process that already set glibc's MALLOC_ variables is left as it is.
    """
    if platform.system() != "Linux" or any(k.startswith("MALLOC_") for k in os.environ):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc
        return
    trim_threshold, top_pad, mmap_max, arena_max = -1, -2, -4, -8
    for option, value in ((mmap_max, 0), (arena_max, 1), (top_pad, 1 << 26), (trim_threshold, (1 << 31) - 1)):
        mallopt(ctypes.c_int(option), ctypes.c_int(value))


Precision = Literal["fp32", "bf16"]


def pick_precision(name: str, device: torch.device) -> Precision:
    """`auto` is bf16 where the hardware multiplies it natively, as that was faster on every network we timed.

    A rule and not a stopwatch, so that the same machine always gives the same result. Raises `SpecError`.
    """
    match name:
        case "fp32" | "bf16":
            return name  # type: ignore[return-value]
        case "auto" if device.type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
        case "auto":
            native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
            return "bf16" if native or getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)() else "fp32"
    raise SpecError(f"precision '{name}'; allowed: auto, fp32, bf16")


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """bf16 autocast on `device`, or nothing for fp32."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
