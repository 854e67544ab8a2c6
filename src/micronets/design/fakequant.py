"""`FakeQuant`: quantisation simulated in float with learnt ranges, so that a `Net` trains for integer kernels.

`export.py` makes the integers themselves.

Activations are asymmetric: real = scale * (q - zero_point). The range `[lo, hi]` contains 0 and is a parameter in the
log domain (Jain et al., "Trained Quantization Thresholds", 2020), so that its learning rate means the same for every
tensor. Its gradient is that of the clipped values and, below 8 bits, of the rounding error as well (LSQ, Esser et al.
2020; LSQ+, Bhalgat et al. 2020). Weights are symmetric per output channel (one scale for a fully connected layer);
8-bit scales follow the largest weight, 4-bit scales are learnt. Batch norm is folded into the weights with its running
statistics frozen; its scale and shift keep learning. Gradients pass the rounding straight through (Jacob et al. 2018,
section 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from micronets.design import torch_ops
from micronets.design.net import Cell, Net, state_key, trained_steps
from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected, Weighted
from micronets.ir.types import BITS
from micronets.quantized.arithmetic import bit_range

SAMPLES = 1 << 16  # values kept per tensor and batch when ranges are observed
SMALLEST = 1e-4  # the least upper end of a range, and of a channel's largest weight: scales stay above zero


class FakeQuant(nn.Module):
    """Ranges and scales of a network's tensors.

    - `owners`: for each tensor the one that defines its scale; pools, Pad and Reshape keep their input's, as in TFLM.
    - `index`: for each tensor that defines a scale, its row in `base` and `log`.
    - `base`, `log`: `[tensors, 2]`; the lower and upper ends of the ranges are base * exp(log), so that a lower end of
      0, as after a ReLU, stays 0.
    - `scales`: for each layer with weights below 8 bits the logarithms of its weights' scales, which are learnt.

    Raises `SpecError` if a layer changes the bits of a tensor whose scale it must keep.
    """

    base: Tensor

    def __init__(self, arch: Arch) -> None:
        super().__init__()
        steps = trained_steps(arch)
        self.bits = {name: BITS[of] for name, of in arch.types().items()}
        self.owners = _owners(arch)
        self.index = {name: i for i, name in enumerate(dict.fromkeys(self.owners.values()))}
        self.rounded_again = {name for s in steps if not s.operator.selects for name in s.layer.outputs}
        self.one_scale = {s.layer.name for s in steps if s.weights is not None and s.weights.one_scale}
        self.nonnegative = _nonnegative(arch)
        self.log = nn.Parameter(torch.zeros(len(self.index), 2))
        self.register_buffer("base", torch.tensor([[0.0, 1.0]]).repeat(len(self.index), 1))
        self.scales = nn.ParameterDict(
            {
                state_key(s.layer.name): nn.Parameter(torch.zeros(s.weights.scales))
                for s in steps
                if s.weights is not None and s.weights.bits < 8
            }
        )
        self._bounds: Any = None
        self._floats: list[list[float]] = []

    def __getstate__(self) -> dict[str, Any]:
        # Tensors of a forward pass in progress are omitted: torch cannot copy them.
        return self.__dict__ | {"_bounds": None, "_floats": []}

    def bounds(self) -> Tensor:
        """Returns the lower and upper ends of the ranges, `[tensors, 2]`."""
        return self.base * self.log.exp()

    def refresh(self) -> None:
        """Reads all ranges for a forward pass: one transfer from the device instead of one per tensor."""
        bounds = self.bounds()
        self._bounds = bounds.unbind(0)
        self._floats = bounds.detach().tolist()

    def activation(self, name: str, x: Tensor) -> Tensor:
        """Rounds and clips `x`, of any shape, to the values that the integer tensor `name` can hold."""
        owner = self.owners[name]
        if owner != name and name not in self.rounded_again:
            return x  # such a tensor holds values of the layer's input, which are already rounded
        i = self.index[owner]
        y: Tensor = _Quantize.apply(x, self._bounds[i], *self._floats[i], self.bits[owner])  # type: ignore[no-untyped-call]
        return y

    def weights(self, layer: Weighted, cell: Cell) -> tuple[Tensor, Tensor]:
        """Returns the quantised weights of a layer, in their shape, and its bias `[K]`, with batch norm folded in."""
        weight, bias = folded_batch_norm(cell)
        scale = self.weight_scale(layer, weight)
        top = bit_range(layer.weight_bits)[1]
        columns = scale.view(-1, *[1] * (weight.ndim - 1))
        if layer.weight_bits == 8:  # no weight is clipped, so the gradient is the identity
            rounded: Tensor = _Round.apply(weight, columns)  # type: ignore[no-untyped-call]
            return rounded, bias
        v = (weight / columns).clamp(-top, top)
        return (v + (v.round() - v).detach()) * columns, bias

    def weight_scale(self, layer: Weighted, weight: Tensor) -> Tensor:
        """Returns the scale of each output channel's weights `[K]`.

        - `layer`: if it has one scale for all channels (fully connected layers), all numbers are equal.
        - `weight`: its weights with batch norm folded in, `[K, ...]`.
        """
        if layer.weight_bits < 8:
            learnt: Tensor = self.scales[state_key(layer.name)].exp()
            return learnt.expand(weight.shape[0])
        largest = weight.detach().flatten(1).abs().amax(1).clamp(min=SMALLEST)
        largest = largest.amax().expand(len(largest)) if layer.name in self.one_scale else largest
        return (largest / bit_range(8)[1]).contiguous()


class _Quantize(torch.autograd.Function):
    """Rounds `x` to the 2^bits values of the range [lo, hi]; `bounds` `[2]` is the same range as a learnt tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bounds: Tensor, lo: float, hi: float, bits: int) -> Tensor:
        """Returns `x`, clipped to the range and rounded to its values.

        - `ctx`: keeps what `backward` needs.
        - `x`: a tensor of any shape.
        - `bounds`: the range as a tensor `[2]`, so that it gets a gradient.
        - `lo`, `hi`: the same range as numbers, with `lo <= 0 < hi`.
        - `bits`: the width of a code; codes are signed.
        """
        scale, zero = scale_and_zero(lo, hi, bits)
        low, high = bit_range(bits)
        y = (x * (1 / scale)).round_().clamp_(low - zero, high - zero).mul_(scale)
        ctx.lo, ctx.hi, ctx.bits, ctx.scale = scale * (low - zero), scale * (high - zero), bits, scale
        ctx.save_for_backward(x, y if bits < 8 else None)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Returns the gradients of `x` and of `bounds` `[2]`, and None for the other arguments of `forward`.

        Clipped values pass their gradient on to the bound that clipped them, except to a lower bound of 0. Below 8
        bits, both bounds also get the gradient of the rounding.
        """
        x, y = ctx.saved_tensors
        # The gradient is brought to the memory layout of x: with two layouts, this and the previous convolution take
        # five times as long.
        g = grads[0].contiguous(memory_format=torch.channels_last) if x.ndim == 4 else grads[0]
        # Values up to half a step beyond the range round to its end codes and are not clipped, except at a ReLU's 0.
        lo, hi = ctx.lo - ctx.scale / 2 if ctx.lo else 0.0, ctx.hi + ctx.scale / 2
        # Torch's backward kernels select the values; comparisons and masks take ten times as long on a CPU.
        inside = torch.ops.aten.hardtanh_backward(g, x, lo, hi)
        above = torch.ops.aten.threshold_backward(g, x, hi).sum().float()
        below = (
            torch.ops.aten.hardtanh_backward(g, x, float("-inf"), lo).sum().float()
            if ctx.lo
            else torch.zeros_like(above)
        )
        if y is not None:
            steps = bit_range(ctx.bits)[1] - bit_range(ctx.bits)[0]
            rounding = (inside * (y - x)).sum().float() / (ctx.scale * steps)
            above, below = above + rounding, below - rounding
        return inside, torch.stack((below, above)), None, None, None


class _Round(torch.autograd.Function):
    """Rounds weights to multiples of `scale`, which broadcasts; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, scale: Tensor) -> Tensor:
        """Returns the weights rounded to multiples of `scale`.

        - `ctx`: unused, as `backward` needs nothing.
        - `weight`: weights of any shape.
        - `scale`: the scale, in a shape that broadcasts to that of `weight`; above 0.
        """
        return (weight / scale).round_().mul_(scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Returns the gradient of the weights unchanged, and None for `scale`."""
        return grads[0], None


def scale_and_zero(lo: float, hi: float, bits: int) -> tuple[float, int]:
    """Returns the scale and the zero point of a range; the zero point is rounded to a code.

    - `lo`: the lower end of the range, at most 0.
    - `hi`: the upper end of the range, above 0.
    - `bits`: the width of a code; codes are signed.
    """
    low, high = bit_range(bits)
    scale = (hi - lo) / (high - low)
    return scale, min(max(round(low - lo / scale), low), high)


def folded_batch_norm(cell: Cell) -> tuple[Tensor, Tensor]:
    """Returns the weights and the bias `[K]` of a layer, with batch norm at its running statistics folded in."""
    bn = cell.bn
    if bn is None:
        assert cell.bias is not None
        return cell.weight, cell.bias
    assert bn.running_var is not None
    assert bn.running_mean is not None
    gain = bn.weight * (bn.running_var + bn.eps).rsqrt()
    return cell.weight * gain.view(-1, 1, 1, 1), bn.bias - bn.running_mean * gain


def rounding_error(layer: Weighted, weight: Tensor) -> Tensor:
    """Returns what rounding to 4 bits with the layer's scales adds to its float weights, without a gradient.

    The scale of a row is the smaller of two: that of its largest weight, and one that suits normally distributed
    weights. The best range of 15 codes for those ends at 2.5 standard deviations, or 3.1 mean magnitudes. A training
    learns the scales; a search, for which this function is meant, has no time for that.

    - layer: has one scale per channel, or one for all (fully connected layers).
    - weight: `[K, ...]`; scales of whole channels that are folded into it later do not change the codes.
    """
    with torch.no_grad():
        rows = weight.float().reshape(1 if isinstance(layer, FullyConnected) else weight.shape[0], -1)
        size = rows.abs()
        top = bit_range(4)[1]
        used = (rows != 0).sum(1).clamp(min=1)  # masked taps and channels do not count
        end = torch.minimum(size.amax(1), 3.1 * size.sum(1) / used).clamp(min=SMALLEST)[:, None]
        rounded = (rows * (top / end)).round_().clamp_(-top, top).mul_(end / top)
        return (rounded - rows).reshape(weight.shape).to(weight.dtype)


def round_weights(net: Net) -> None:
    """Rounds, in place, the 4-bit weights of a float network as a search rounds them."""
    with torch.no_grad():
        for step in net.steps:
            if isinstance(step.layer, Weighted) and step.layer.weight_bits == 4:
                weight = net.cell(step.layer).weight
                weight.add_(rounding_error(step.layer, weight))


def attach(net: Net, batches: Iterable[Tensor] = ()) -> FakeQuant:
    """Turns a float network into a fake-quantised one, in place.

    - `net`: the network, which is left in evaluation mode.
    - `batches`: inputs `[N, H, W, C]` on which the ranges of all tensors are observed. Each tensor gets its observed
      range, or the part of it with the least squared rounding error. Without batches, the ranges must be loaded with
      the state dict.

    Raises `SpecError` if a layer changes the bits of a tensor whose scale it must keep.
    """
    quantizer = FakeQuant(net.arch).to(next(net.parameters()).device)
    net.eval()
    with torch.no_grad():
        samples: dict[str, list[Tensor]] = {name: [] for name in quantizer.index}
        for x in batches:
            values = net.tensors(x)
            for name, parts in samples.items():
                parts.append(_some_values(values[name].float()))
        for name, parts in samples.items():
            if parts:
                base = _best_range(torch.cat(parts), quantizer.bits[name], name in quantizer.nonnegative)
                quantizer.base[quantizer.index[name]] = torch.tensor(base)
        for layer in net.arch.layers:
            if state_key(layer.name) in quantizer.scales:
                assert isinstance(layer, Weighted)
                weight = folded_batch_norm(net.cell(layer))[0]
                quantizer.scales[state_key(layer.name)].copy_(
                    _best_scales(layer, weight, layer.name in quantizer.one_scale).log()
                )
    net.quantizer = quantizer
    return quantizer


def _owners(arch: Arch) -> dict[str, str]:
    """Returns for each tensor the one that defines its scale. Raises `SpecError` if their bits differ."""
    owners, bits = {INPUT: INPUT}, {name: BITS[of] for name, of in arch.types().items()}
    for step in trained_steps(arch):
        layer = step.layer
        keeps = step.operator.scale in ("the input's", "copied codes")
        for name in layer.outputs:
            owners[name] = owners[layer.inputs[0]] if keeps else name
            if bits[name] != bits[owners[name]]:
                kind, want = type(layer).__name__, bits[owners[name]]
                raise SpecError(
                    f"layer '{layer.name}': act_bits = {bits[name]}, but {kind} keeps its input's {want} bits"
                )
    return owners


def _nonnegative(arch: Arch) -> set[str]:
    """Returns the names of the tensors that cannot be negative, whatever the weights."""
    names: set[str] = set()
    for step in trained_steps(arch):
        facts = step.operator
        if facts.rectifies or (facts.sign == "as the inputs" and names.issuperset(step.layer.inputs)):
            names.update(step.layer.outputs)
    return names


def _some_values(x: Tensor) -> Tensor:
    """Returns about `SAMPLES` evenly spaced values of a tensor, and its two extremes."""
    flat = (torch_ops.to_nhwc(x) if x.ndim == 4 else x).flatten()
    spaced = flat[:: max(1, len(flat) // SAMPLES) | 1]  # an odd stride reaches every channel
    return torch.cat((spaced, flat.amin()[None], flat.amax()[None]))


def _best_range(values: Tensor, bits: int, nonnegative: bool) -> tuple[float, float]:
    """Returns the range with the least squared rounding error among the full range and 35 smaller ones."""
    hi = max(float(values.amax()), SMALLEST)
    lo = 0.0 if nonnegative else min(float(values.amin()), -hi / 64)
    low, high = bit_range(bits)
    best, best_error = (lo, hi), float("inf")
    for shrink in torch.linspace(1, 0.3, 36).tolist():
        scale, zero = scale_and_zero(lo * shrink, hi * shrink, bits)
        rounded = (values / scale).round_().clamp_(low - zero, high - zero).mul_(scale)
        error = float((rounded - values).square_().mean(dtype=torch.float64))
        if error < best_error:
            best, best_error = (lo * shrink, hi * shrink), error
    return best


def _best_scales(layer: Weighted, weight: Tensor, one_scale: bool) -> Tensor:
    """Returns the scales of the weights, one in all or one per channel, with the least squared rounding error."""
    rows = weight.flatten(1).float()
    rows = rows.reshape(1, -1) if one_scale else rows
    top = bit_range(layer.weight_bits)[1]
    largest = rows.abs().amax(1).clamp(min=SMALLEST) / top
    best, best_error = largest, torch.full_like(largest, float("inf"))
    for shrink in torch.linspace(1, 0.3, 36).tolist():
        scale = largest * shrink
        rounded = (rows / scale[:, None]).round_().clamp_(-top, top).mul_(scale[:, None])
        error = (rounded - rows).square_().mean(1)
        best, best_error = torch.where(error < best_error, scale, best), torch.minimum(error, best_error)
    return best
