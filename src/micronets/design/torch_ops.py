"""Torch code that `Net` and the supernet share: TensorFlow's padding, fast convolutions, device and precision.

Maps are `[N, C, H, W]` tensors in `channels_last` memory, which is the NHWC order of the architecture. Some
convolutions are computed in a roundabout way, because torch's plain call gives the same sums 5 to 100 times more slowly
on a CPU for these shapes, or gives wrong ones.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from micronets.design.processes import BatchNorm
from micronets.errors import SpecError
from micronets.ir.layers import ACTIVATION_LIMITS, Activation
from micronets.ir.window import Pair, Window

BN_EPSILON = 1e-3
BN_MOMENTUM = 0.1

WRONG = 0.02
"""Relative error above which a 16-bit convolution counts as wrong: rounding causes about 0.002, a fault about 1."""


def padding(x: Tensor, window: Window) -> tuple[Pair, Pair]:
    """Returns the padding that `window` gives a map `[N, C, H, W]`: (top, bottom) and (left, right), in pixels."""
    (top, left), (bottom, right) = window.before(x.shape[2:]), window.after(x.shape[2:])
    return (top, bottom), (left, right)


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, window: Window, groups: int = 1) -> Tensor:
    """Computes a convolution under TensorFlow's padding.

    - `x`: `[N, C, H, W]`.
    - `weight`: `[K, C / groups, kh, kw]`.
    - `bias`: `[K]` or None.
    - `window`: stride, dilation and padding; its kernel is (kh, kw).
    - `groups`: 1, or C for a depthwise convolution.

    Returns `[N, K, H', W']`.
    """
    stride, dilation = window.stride, window.dilation
    if stride != (1, 1) and window.kernel == (1, 1):
        return _checked_conv(x[:, :, :: stride[0], :: stride[1]], weight, bias, (1, 1), (0, 0), (1, 1), groups)
    rows, columns = padding(x, window)
    if dilation[0] > 1 and window.kernel[1] == 1 and stride == (1, 1) and rows[0] % dilation[0] == 0:
        return _dilated_rows(x, weight, bias, dilation[0], rows, groups)
    if groups > 1 and stride != (1, 1) and x.device.type == "cpu":
        return _strided_depthwise(x, weight, bias, stride, dilation, rows, columns, groups)
    return _conv_with_padding(x, weight, bias, stride, dilation, rows, columns, groups)


def _conv_with_padding(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair, rows: Pair, columns: Pair, groups: int
) -> Tensor:
    """Computes the convolution with `rows` of padding above and below, and `columns` to the left and right."""
    if rows[0] == rows[1] and columns[0] == columns[1]:
        return _checked_conv(x, weight, bias, stride, (rows[0], columns[0]), dilation, groups)
    return _checked_conv(F.pad(x, (*columns, *rows)), weight, bias, stride, (0, 0), dilation, groups)


def _checked_conv(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Tensor:
    """Computes torch's convolution, in float32 if the 16-bit one of these shapes is wrong on this CPU.

    oneDNN 3.12, which is in torch 2.13, computes wrong sums on a CPU with AMX if there are fewer than 16 channels and
    the kernel covers a multiple of 32 values of a row, 64 or more: for example 8 channels under a kernel 20 wide. A
    network can learn with such sums, but its weights then fail in float32 and on the device.
    """
    dtype = _cpu_dtype(x)
    if dtype is None or _agrees_with_float32(
        dtype, tuple(x.shape), tuple(weight.shape), bias is not None, stride, padding, dilation, groups
    ):
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    with torch.autocast("cpu", enabled=False):
        bias = None if bias is None else bias.float()
        return F.conv2d(x.float(), weight.float(), bias, stride, padding, dilation, groups).to(dtype)


def _cpu_dtype(x: Tensor) -> torch.dtype | None:
    """Returns the 16-bit type in which torch would convolve `x` on a CPU; None for a wider type or another device."""
    if x.device.type != "cpu":
        return None
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    return dtype if dtype in (torch.bfloat16, torch.float16) else None


@cache
def _agrees_with_float32(
    dtype: torch.dtype,
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    has_bias: bool,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> bool:
    """Returns whether a convolution of random numbers in `dtype`, and its gradients, nearly equal those in float32.

    It is computed once per combination of shapes, with its own random generator.
    """
    generator = torch.Generator().manual_seed(0)

    def draw(*size: int) -> Tensor:
        return torch.randn(size, generator=generator).to(dtype)

    given = [to_nchw(draw(shape[0], *shape[2:], shape[1])), draw(*weight_shape)]
    given += [draw(weight_shape[0])] if has_bias else []
    results: list[tuple[Tensor, ...]] = []
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        for type_ in (dtype, torch.float32):
            arguments = [t.to(type_).requires_grad_() for t in given]
            x, weight, *bias = arguments
            y = F.conv2d(x, weight, bias[0] if bias else None, stride, padding, dilation, groups)
            if not results:
                gradient = to_nchw(draw(y.shape[0], *y.shape[2:], y.shape[1]))
            results.append((y.detach(), *torch.autograd.grad(y, arguments, gradient.to(type_))))
    return all(bool((got.float() - want).norm() <= WRONG * want.norm()) for got, want in zip(*results, strict=True))


def _dilated_rows(x: Tensor, weight: Tensor, bias: Tensor | None, d: int, rows: Pair, groups: int) -> Tensor:
    """Computes a convolution dilated by `d` along the rows as one without dilation.

    A map `[H, W]` is, in the same memory, a map `[H / d, d * W]`, in which rows `d` apart are neighbours.
    """
    n, c, height, width = x.shape
    out = height + sum(rows) - (weight.shape[2] - 1) * d
    extra = -height % d
    nhwc = F.pad(x, (0, 0, 0, extra)).permute(0, 2, 3, 1) if extra else x.permute(0, 2, 3, 1)
    folded = nhwc.reshape(n, (height + extra) // d, d * width, c).permute(0, 3, 1, 2)
    y = _checked_conv(folded, weight, bias, (1, 1), (rows[0] // d, 0), (1, 1), groups)
    k, high = y.shape[1], y.shape[2]
    y = y.permute(0, 2, 3, 1).reshape(n, high * d, width, k)
    return (y[:, :out] if out < high * d else y).permute(0, 3, 1, 2)


def _strided_depthwise(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair, rows: Pair, columns: Pair, groups: int
) -> Tensor:
    """Computes a strided depthwise convolution on a CPU, in float32: in bf16 it is 10 to 100 times slower there."""
    dtype = _cpu_dtype(x)
    if dtype is None:
        return _conv_with_padding(x, weight, bias, stride, dilation, rows, columns, groups)
    if x.shape[3] == 1 and weight.shape[3] == 1:
        return _conv_with_padding(x, weight, bias, (1, 1), dilation, rows, columns, groups)[:, :, :: stride[0]]
    with torch.autocast("cpu", enabled=False):
        bias = None if bias is None else bias.float()
        return _conv_with_padding(x.float(), weight.float(), bias, stride, dilation, rows, columns, groups).to(dtype)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Makes the batch norm after a convolution: Keras's epsilon, and a momentum that suits short trainings."""
    return BatchNorm(channels, eps=BN_EPSILON, momentum=BN_MOMENTUM)


def recalibrate(net: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replaces the running statistics of all batch norms by the mean of those of some batches.

    - `net`: a network in float, whose weights and mode stay as they are.
    - `batches`: its inputs, brought to its device; at least one. Raises `ValueError` for none.
    """
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    device, training = next(net.parameters()).device, net.training
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    net.train()
    count = 0
    try:
        with torch.no_grad():
            for x in batches:
                net(x.to(device))
                count += 1
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        net.train(training)
    if not count:
        raise ValueError("recalibrate: no batches; batch norms would have no statistics")


def activate(x: Tensor, activation: Activation) -> Tensor:
    """Applies the fused activation of a layer, elementwise."""
    match activation:
        case "none":
            return x
        case "relu":
            return F.relu(x)
        case "relu6":
            return F.relu6(x)
        case "relu_n1_to_1":
            return F.hardtanh(x)
    raise SpecError(f"activation '{activation}'; allowed: {', '.join(ACTIVATION_LIMITS)}")


def to_nchw(x: Tensor) -> Tensor:
    """Turns `[N, H, W, C]` into `[N, C, H, W]` in `channels_last` memory; a view of `x` if it is contiguous."""
    return x.contiguous().permute(0, 3, 1, 2)


def to_nhwc(x: Tensor) -> Tensor:
    """Turns `[N, C, H, W]` into `[N, H, W, C]`, as a view of `x`."""
    return x.permute(0, 2, 3, 1)


def pick_device(name: str = "auto") -> torch.device:
    """Returns the device named `cpu` or `cuda`; `auto` is the GPU if torch sees one, otherwise the CPU.

    Raises `SpecError` for another name, and for `cuda` if torch sees no GPU.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise SpecError(f"device '{name}'; allowed: auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise SpecError("device 'cuda': torch sees no GPU here; use device = 'auto'")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def prepare_cpu() -> None:
    """Keeps freed memory in the process instead of returning it to the system after every operation (glibc only).

    By default every tensor above 32 MB is mapped and zeroed again each time it is made, which takes 2 to 4 times as
    long as the operation itself. Call this once, before a training. A process whose environment sets one of glibc's
    MALLOC_ variables is left as it is.
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
    """Returns the precision named `fp32` or `bf16`; `auto` is bf16 if the hardware multiplies it natively.

    On such hardware bf16 was faster for every network that was timed. `auto` is a rule and not a timing, so that the
    same machine always gives the same result. Raises `SpecError` for another name.
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
    """Returns the context in which torch on `device` computes in bf16 where it can; for `fp32` it has no effect."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
