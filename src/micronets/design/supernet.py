"""`Supernet`: every network of a `SearchSpace` in one set of weights.

Each layer has the weights of its largest form. A width masks channels, a kernel size masks taps, a keep mixes a block
with the identity; the masks are differentiable in the architecture parameters through Gumbel-softmax samples (Jang et
al. 2017), as in FBNetV2's channel masking (Wan et al. 2020). A step costs one forward pass however many options there
are: masks are folded into the scale and shift of batch norm, so that no activation is touched twice. Choices that
change map sizes cannot share one pass; one value is drawn per step and learnt by the score-function estimator. If a
layer's weights may have 4 bits, they are mixed with the same weights rounded; those of 8 bits count as exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from micronets.design import processes, torch_ops
from micronets.design.fakequant import round_weights, rounding_error
from micronets.design.net import Net, state_key, weighted_sums
from micronets.errors import UnsupportedError
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, FullyConnected, Layer, Pad, Shape, Weighted
from micronets.ir.ops import operator
from micronets.ir.space import SearchSpace, Template, derive, relaxed_steps, without_empty_pads
from micronets.ir.window import Window
from micronets.number import Number


class ChoiceInt(int):
    """The largest option of a choice: an integer that carries the name of the choice."""

    choice: str

    def __new__(cls, value: int, choice: str) -> ChoiceInt:
        """Makes the integer `value` that belongs to `choice`."""
        self = super().__new__(cls, value)
        self.choice = choice
        return self


@dataclass(frozen=True)
class ChoiceSample:
    """One draw of every choice.

    - `weights`: for each choice that is not of kind shape, weights of its options `[options]` that sum to 1.
    - `shapes`: for each choice of kind shape, the drawn option.
    - `log_prob`: log probability of the drawn shapes together, a 0-d tensor with gradient.
    """

    weights: Mapping[str, Tensor]
    shapes: Mapping[str, int]
    log_prob: Tensor


class Supernet(nn.Module):
    """The weights and the architecture parameters of a space.

    - `net`: a `Net` of the largest network; its state holds the shared weights.
    - `alphas`: for each choice the logits of its options, `[options]`.
    """

    def __init__(self, space: SearchSpace) -> None:
        super().__init__()
        self.space = space
        self.net = Net(derive(space, space.largest()))
        self.alphas = nn.ParameterDict({c.name: nn.Parameter(torch.zeros(len(c.options))) for c in space.choices})
        for c in space.choices:
            self.register_buffer(f"options_{c.name}", torch.tensor(c.options, dtype=torch.float32), persistent=False)
        self._templates: dict[tuple[int, ...], Template] = {}
        self._keep_options = {c.name: c.options for c in space.choices if c.kind == "keep"}

    def probabilities(self) -> dict[str, list[float]]:
        """Returns the probability of every option, by choice, in the order of the choice's options."""
        return {name: torch.softmax(a.detach(), 0).tolist() for name, a in self.alphas.items()}

    def most_likely(self) -> dict[str, int]:
        """Returns the most probable option of every choice; ties go to the first."""
        return {c.name: c.options[int(self.alphas[c.name].argmax())] for c in self.space.choices}

    def sample(self, temperature: float, generator: torch.Generator) -> ChoiceSample:
        """Draws every choice: shapes from their probabilities, others as Gumbel-softmax samples (Jang et al. 2017).

        - `temperature`: above 0; the lower it is, the nearer a sample is to a single option.
        - `generator`: makes the random numbers, on the CPU.
        """
        weights, shapes = {}, {}
        log_prob = torch.zeros((), device=self._device)
        for c in self.space.choices:
            alpha = self.alphas[c.name]
            if c.kind == "shape":
                k = int(torch.multinomial(torch.softmax(alpha.detach(), 0).cpu(), 1, generator=generator))
                shapes[c.name] = c.options[k]
                log_prob = log_prob + torch.log_softmax(alpha, 0)[k]
            else:
                noise = -torch.log(torch.empty(len(c.options)).exponential_(generator=generator)).to(alpha.device)
                weights[c.name] = torch.softmax((torch.log_softmax(alpha, 0) + noise) / temperature, 0)
        return ChoiceSample(weights, shapes, log_prob)

    def one_hot(self, values: Mapping[str, int]) -> ChoiceSample:
        """Makes the sample that is exactly the network of the options `values`."""
        weights = {}
        for c in self.space.choices:
            if c.kind != "shape":
                chosen = torch.tensor(c.options.index(values[c.name]), device=self._device)
                weights[c.name] = F.one_hot(chosen, len(c.options)).float()
        shapes = {c.name: values[c.name] for c in self.space.choices if c.kind == "shape"}
        return ChoiceSample(weights, shapes, torch.zeros((), device=self._device))

    def steps(self, sample: ChoiceSample) -> tuple[Step, ...]:
        """Returns the layers of the relaxed network of a sample, whose sizes may be 0-d tensors."""
        expected: dict[str, Number] = dict(sample.shapes)
        for name, weight in sample.weights.items():
            expected[name] = weight @ self._options(name)
        return relaxed_steps(self.space, expected)

    def forward(self, x: Tensor, sample: ChoiceSample) -> Tensor:
        """Computes the logits `[N, classes]` of inputs `[N, H, W, C]`, whose shape must match the sampled shapes."""
        values = {INPUT: torch_ops.to_nchw(x)}
        masks: dict[str, Tensor | None] = {INPUT: None}  # for each tensor, the weight of each channel
        unpadded: dict[str, str] = {}  # for each output of a Pad, the tensor that it pads
        previous = INPUT
        for block in self._template(sample.shapes).blocks:
            last = block.layers[-1]
            kept = (1,) if block.keep is None else self._keep_options[block.keep]
            if kept == (0,):
                values[last.name], masks[last.name] = values[previous], masks[previous]
                previous = last.name
                continue
            gate = None if block.keep is None or kept == (1,) else sample.weights[block.keep][kept.index(1)]
            # x + gate * f(x) is the residual block or, at gate 0, x: the gate is folded into f's last batch norm.
            unpadded |= {a.name: a.inputs[0] for a in block.layers if isinstance(a, Pad)}
            summands = [unpadded.get(i, i) for i in last.inputs]
            residual = gate is not None and isinstance(last, Add) and previous in summands
            branch = next(i for i in summands if i != previous) if residual else None
            for layer in block.layers:
                inputs = [values[i] for i in layer.inputs]
                masks |= dict.fromkeys(
                    layer.outputs, self._mask(layer, [masks[i] for i in layer.inputs], inputs[0], sample)
                )
                if isinstance(layer, FullyConnected):
                    cell = self.net.cell(layer)
                    weight = self._choose_bits(layer, cell.weight, sample, masks[layer.inputs[0]])
                    y = weighted_sums(layer, inputs[0], weight, cell.bias)
                    values[layer.name] = torch_ops.activate(y, layer.activation)
                elif isinstance(layer, (Conv2D, DepthwiseConv2D)):
                    scales = [m for m in (masks[layer.name], gate if layer.name == branch else None) if m is not None]
                    values[layer.name] = self._convolve(layer, inputs[0], sample, scales, masks[layer.inputs[0]])
                else:
                    values |= zip(layer.outputs, self.net.run(layer, inputs), strict=True)
            if gate is not None and not residual:
                before, after = values[previous], values[last.name]
                mixed = torch.lerp(before, after.to(before.dtype), gate.to(before.dtype))
                if mixed.requires_grad and mixed.ndim == 4:
                    # The mean over the map returns a gradient of another layout, which would slow down every operator
                    # before it.
                    mixed.register_hook(_channels_last)  # type: ignore[no-untyped-call]
                values[last.name] = mixed
                masks[last.name] = _mix_masks(masks[previous], masks[last.name], gate)
            previous = last.name
        return values[previous].flatten(1)

    def _mask(self, layer: Layer, masks: list[Tensor | None], x: Tensor, sample: ChoiceSample) -> Tensor | None:
        """Returns the mask of a layer's output channels.

        - `masks`: the masks of its inputs.
        - `x`: its first input, `[N, C, H, W]` or `[N, units]`.

        Raises `UnsupportedError` for a layer whose outputs mix channels of different masks.
        """
        facts = operator(layer)
        match layer:
            case Conv2D():
                return self._channel_mask(layer.filters, sample)
            case Pad():
                return _pad_mask(masks[0], layer, x)
            case _ if facts.by_channel and len(masks) == 1:
                return masks[0]
            case Add():
                return _mask_of_sum(masks[0], masks[1])
            case _ if facts.weights is not None or all(mask is None for mask in masks) or not _makes_maps(layer, x):
                return None  # masks are for depthwise convolutions, which read maps
            case _:
                kind = type(layer).__name__
                raise UnsupportedError(f"layer '{layer.name}': {kind} after a searched width; fix the width")

    def input_shape(self, shapes: Mapping[str, int]) -> Shape:
        """Returns the shape of the input, (H, W, C), for the sampled shapes."""
        return self._template(shapes).input_shape

    def _template(self, shapes: Mapping[str, int]) -> Template:
        """Returns the cached template with these shapes and the largest option of every other choice."""
        chosen = tuple(shapes.values())
        if chosen not in self._templates:
            values = self.space.largest() | dict(shapes)
            self._templates[chosen] = without_empty_pads(
                self.space.template(lambda name: shapes[name] if name in shapes else ChoiceInt(values[name], name))
            )
        return self._templates[chosen]

    def _convolve(
        self,
        layer: Conv2D | DepthwiseConv2D,
        x: Tensor,
        sample: ChoiceSample,
        scales: list[Tensor],
        input_mask: Tensor | None,
    ) -> Tensor:
        """Computes a convolution, its batch norm with scale and shift times every mask of `scales`, and its activation.

        A depthwise layer is masked again like its input, as the shift of its batch norm would make masked channels
        nonzero.
        """
        cell = self.net.cell(layer)
        weight: Tensor = _merge_input_channels(cell.weight, x.shape[1]) if isinstance(layer, Conv2D) else cell.weight
        dilation = list(layer.dilation)
        for axis in (0, 1):
            weight = self._choose_taps(weight, axis, layer.kernel[axis], layer.dilation[axis], sample)
            if isinstance(layer.dilation[axis], ChoiceInt):
                dilation[axis] = 1  # with spread taps it is a plain, larger kernel
        kernel = (weight.shape[2], weight.shape[3])
        weight = self._choose_bits(layer, weight, sample, input_mask)
        window = Window(kernel, layer.stride, (dilation[0], dilation[1]), layer.padding)
        y = torch_ops.conv(x, weight, None, window, groups=1 if isinstance(layer, Conv2D) else x.shape[1])
        bn = cell.bn
        assert bn is not None
        gamma: Tensor = bn.weight
        beta: Tensor = bn.bias
        for scale in scales:
            gamma, beta = gamma * scale, beta * scale
        y = processes.batch_norm(
            y, bn.running_mean, bn.running_var, gamma, beta, self.training, bn.momentum or 0.0, bn.eps
        )
        return torch_ops.activate(y, layer.activation)

    def _choose_taps(self, weight: Tensor, axis: int, size: int, dilation: int, sample: ChoiceSample) -> Tensor:
        """Returns the weight with masked taps, spread by the dilations, along one of its two axes."""
        view = (-1, 1) if axis == 0 else (1, -1)
        if isinstance(size, ChoiceInt):
            weight = weight * self._tap_mask(size, sample).view(view)
        if isinstance(dilation, ChoiceInt):
            spread = torch.zeros((), device=weight.device)
            for option, share in zip(
                self.space.choice(dilation.choice).options, sample.weights[dilation.choice], strict=True
            ):
                spread = spread + share * _dilate_kernel(weight, axis + 2, option, int(dilation))
            weight = spread
        return weight

    def _choose_bits(self, layer: Weighted, weight: Tensor, sample: ChoiceSample, input_mask: Tensor | None) -> Tensor:
        """Returns the weights of a layer, mixed with the rounded ones by the sample's weight of 4 bits.

        The gradient of the rounding is that of the identity; the weight of 4 bits gets the gradient of the rounding
        error.

        - `layer`: gives the bits of its weights.
        - `weight`: the weights, `[K, C, kh, kw]` or `[units, inputs]`, with the taps of smaller kernels masked.
        - `sample`: the weights of the options.
        - `input_mask`: the weight of each channel of the input; channels with weight 0 do not count for the scales.
        """
        bits = layer.weight_bits
        if bits == 8 and not isinstance(bits, ChoiceInt):
            return weight
        options = (bits,) if not isinstance(bits, ChoiceInt) else self.space.choice(bits.choice).options
        if 4 not in options:
            return weight
        counted = weight.detach()
        if input_mask is not None and not isinstance(layer, DepthwiseConv2D):
            there = (input_mask > 0).to(weight.dtype)
            #  The inputs of a matrix are in NHWC order, so channels are innermost.
            shape = (1, -1, 1, 1) if weight.ndim == 4 else (1, -1)
            counted = counted * there.repeat(weight.shape[1] // len(there)).view(shape)
        share = sample.weights[bits.choice][options.index(4)] if isinstance(bits, ChoiceInt) else 1
        return weight + share * rounding_error(layer, counted)

    def _channel_mask(self, width: int, sample: ChoiceSample) -> Tensor | None:
        """Returns for each channel, `[largest]`, the weight of all options that include it; None without a choice."""
        if not isinstance(width, ChoiceInt):
            return None
        options = self._options(width.choice)
        channel = torch.arange(int(width), device=options.device)
        return sample.weights[width.choice] @ (channel[None] < options[:, None]).float()

    def _tap_mask(self, size: ChoiceInt, sample: ChoiceSample) -> Tensor:
        """Returns for each tap, `[largest]`, the weight of all kernels that include it; small ones are centred."""
        options = self._options(size.choice)
        tap = torch.arange(int(size), device=options.device)
        first = ((int(size) - options) / 2)[:, None]
        return sample.weights[size.choice] @ ((tap[None] >= first) & (tap[None] < first + options[:, None])).float()

    @property
    def _device(self) -> torch.device:
        """The device of the weights and architecture parameters."""
        return next(self.net.parameters()).device

    def _options(self, choice: str) -> Tensor:
        """Returns the options of a choice, as a float tensor on the supernet's device."""
        return cast(Tensor, getattr(self, f"options_{choice}"))

    def slice(self, arch: Arch, batches: Iterable[Tensor], *, rounded: bool = False) -> dict[str, Tensor]:
        """Cuts a network out and gives it its own batch norm statistics, so that it works without training.

        The shared statistics are of sums over more channels and taps than the network has: with them, its outputs are
        worth little (Yu et al. 2019, "Universally Slimmable Networks", Section 3.3).

        - `arch`: a network of the space.
        - `batches`: inputs `[N, H, W, C]` of training examples, on any device; at least one.
        - `rounded`: whether 4-bit weights are rounded, as they are to compare networks, but not to start a training.

        Returns the state dict of `Net(arch)`, on the supernet's device.
        """
        net = Net(arch).to(self._device)
        net.load_state_dict(self.cut(arch))
        if rounded:
            round_weights(net)
        torch_ops.recalibrate(net, batches)
        return net.state_dict()

    def cut(self, arch: Arch) -> dict[str, Tensor]:
        """Cuts the state dict of `Net(arch)` out of the shared weights: the leading channels and the middle taps.

        The batch norm statistics are the shared ones; `slice` gives the network its own.
        """
        return {name: value.detach().clone() for name, value in self._shared(_network(arch)).items()}

    def compute(self, x: Tensor, arch: Arch) -> Tensor:
        """Computes the logits `[N, classes]` of one network with the shared weights, as `Net(arch)` does.

        This costs only what the network costs, while `forward` computes the whole largest network and masks parts of
        it. The gradients, which flow to the shared weights, are the same.

        - `x`: inputs `[N, H, W, C]`.
        - `arch`: a network of the space; 4-bit weights are rounded.
        """
        net = _network(arch)
        tensors = self._shared(net)
        for step in net.steps:
            if isinstance(step.layer, Weighted) and step.layer.weight_bits == 4:
                key = f"layers.{state_key(step.layer.name)}.weight"
                tensors[key] = tensors[key] + rounding_error(step.layer, tensors[key].detach())
        return torch.func.functional_call(net.train(self.training), tensors, (x,))  # type: ignore[no-any-return]

    def _shared(self, net: Net) -> dict[str, Tensor]:
        """Returns the parts of the shared weights and statistics that a network has, by the names of its state dict.

        Weights that equal those of the supernet are views, so that a change to them changes the supernet.
        """
        shared = dict(self.net.named_parameters()) | dict(self.net.named_buffers())
        first = {
            f"layers.{state_key(a.name)}.weight"
            for a in net.arch.layers
            if isinstance(a, Conv2D) and a.inputs == (INPUT,)
        }
        channels = {
            f"layers.{state_key(s.layer.name)}.weight": s.input_shapes[0][-1]
            for s in net.steps
            if isinstance(s.layer, FullyConnected)
        }
        parts = {}
        for name, small in net.state_dict(keep_vars=True).items():
            big = _merge_input_channels(shared[name], small.shape[1]) if name in first else shared[name]
            if name in channels:
                parts[name] = _leading_channels(big, small.shape, channels[name])
                continue
            window = []
            for axis, (n, m) in enumerate(zip(small.shape, big.shape, strict=True)):
                start = (m - n) // 2 if small.ndim == 4 and axis >= 2 else 0
                window.append(slice(start, start + n))
            parts[name] = big[tuple(window)]
        return parts


def _leading_channels(weight: Tensor, shape: Sequence[int], channels: int) -> Tensor:
    """Returns the part of a matrix that reads the leading channels of every position of its input.

    - `weight`: `[units, inputs]`; the inputs are in NHWC order, so channels are innermost.
    - `shape`: the shape of the part.
    - `channels`: channels of the part's input; a vector has one position.
    """
    units, inputs = shape
    places = inputs // channels
    return weight.reshape(weight.shape[0], places, -1)[:units, :, :channels].reshape(units, inputs)


@lru_cache(maxsize=256)
def _network(arch: Arch) -> Net:
    """Returns a network whose tensors have shapes but no memory; it computes with the tensors of others."""
    with torch.device("meta"):
        return Net(arch)


def _makes_maps(layer: Layer, x: Tensor) -> bool:
    """Returns whether a layer of one input, `x` `[N, C, H, W]` or `[N, units]`, outputs maps."""
    shape = (*x.shape[2:], x.shape[1])
    return any(len(y) == 3 for y in operator(layer).output_shapes((shape,)))


def _channels_last(gradient: Tensor) -> Tensor:
    """Brings a gradient to `channels_last`, the memory layout of the tensors."""
    return gradient.contiguous(memory_format=torch.channels_last)


def _mix_masks(before: Tensor | None, after: Tensor | None, gate: Tensor) -> Tensor | None:
    """Returns the mask of before + gate * (after - before), where None is a mask of ones."""
    if before is None and after is None:
        return None
    one = torch.ones((), device=gate.device)
    return torch.lerp(one if before is None else before, one if after is None else after, gate)


def _merge_input_channels(weight: Tensor, channels: int) -> Tensor:
    """Returns the weight `[K, C, kh, kw]` for `channels` <= C inputs: the last one takes the weights of the rest.

    So a grey image gives the same result as a colour image with three equal channels.
    """
    if channels == weight.shape[1]:
        return weight
    return torch.cat([weight[:, : channels - 1], weight[:, channels - 1 :].sum(1, keepdim=True)], 1)


def _mask_of_sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """Returns the mask of a sum: a channel counts if it counts in one of the summands; None is a mask of ones.

    The maximum is exact: two masks are either equal, or one has all the channels of the other.
    """
    return None if a is None or b is None else a if a is b else torch.maximum(a, b)


def _pad_mask(mask: Tensor | None, layer: Pad, x: Tensor) -> Tensor | None:
    """Returns the mask of a padded map, with 0 for added channels; `x` `[N, C, H, W]` is the map before the padding."""
    before, after = layer.paddings[-1]
    if before + after == 0:
        return mask
    return F.pad(torch.ones(x.shape[1], device=x.device) if mask is None else mask, (before, after))


def _dilate_kernel(weight: Tensor, axis: int, dilation: int, largest: int) -> Tensor:
    """Puts zeros between a kernel's taps along one axis, so that a plain convolution with it is a dilated one.

    - `weight`: `[K, C, kh, kw]`.
    - `axis`: 2 or 3.
    - `dilation`: dilation of the convolution.
    - `largest`: the dilation whose extent the result has; the taps are centred in it.
    """
    k = weight.shape[axis]
    shape = list(weight.shape)
    shape[axis] = (k - 1) * largest + 1
    centre, half = (shape[axis] - 1) // 2, (k - 1) * dilation // 2
    taps = torch.arange(centre - half, centre + half + 1, dilation, device=weight.device)
    return weight.new_zeros(shape).index_copy(axis, taps, weight)
