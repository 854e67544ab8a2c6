"""The one place that chooses how each layer is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from micronets.boards.targets import Target
from micronets.compiler.kernels import depthwise_lanes
from micronets.compiler.kernels.add import AddKernel
from micronets.compiler.kernels.arg_max import ArgMaxKernel
from micronets.compiler.kernels.base import Kernel
from micronets.compiler.kernels.batch_matmul import BatchMatMulKernel, Int16BatchMatMulKernel
from micronets.compiler.kernels.binary import BinaryKernel
from micronets.compiler.kernels.comparison import CompareKernel, LogicalKernel, SelectKernel
from micronets.compiler.kernels.concatenation import ConcatenationKernel
from micronets.compiler.kernels.conv import ConvKernel, GroupedConvKernel
from micronets.compiler.kernels.conv_bytes import bytes_kernel
from micronets.compiler.kernels.conv_lanes import lanes_kernel
from micronets.compiler.kernels.copied import WeightCopies
from micronets.compiler.kernels.copy import CopyKernel
from micronets.compiler.kernels.dense import DenseKernel, is_dense, matrix_step
from micronets.compiler.kernels.depthwise import DepthwiseKernel
from micronets.compiler.kernels.depthwise_bytes import depthwise_bytes_kernel
from micronets.compiler.kernels.depthwise_schedule import choose_schedule
from micronets.compiler.kernels.goal import DEFAULT_GOAL, Goal
from micronets.compiler.kernels.int16 import (
    Int16BinaryKernel,
    Int16FunctionKernel,
    Int16PoolKernel,
    Int16ProductsKernel,
    Int16ReductionKernel,
    Int16SoftmaxKernel,
    Int16TransposeConvKernel,
)
from micronets.compiler.kernels.lookup import CastKernel, DequantizeKernel, LookupKernel
from micronets.compiler.kernels.numbers import (
    FloatFunctionKernel,
    FloatReductionKernel,
    FloatSoftmaxKernel,
    NumberBinaryKernel,
)
from micronets.compiler.kernels.pad import PadKernel
from micronets.compiler.kernels.pool import AverageMapKernel, PoolKernel
from micronets.compiler.kernels.recurrent import LstmKernel, SvdfKernel
from micronets.compiler.kernels.reduction import ReductionKernel
from micronets.compiler.kernels.reshape import ReshapeKernel
from micronets.compiler.kernels.sharing import Sharing, share
from micronets.compiler.kernels.signal import SignalKernel, SignalNoiseKernel
from micronets.compiler.kernels.softmax import L2NormalizationKernel, LogSoftmaxKernel, SoftmaxKernel
from micronets.compiler.kernels.split import SplitKernel
from micronets.compiler.kernels.take import FloatResizeBilinearKernel, GatherKernel, ResizeBilinearKernel, TakeKernel
from micronets.compiler.kernels.totals import AddNKernel, CumSumKernel
from micronets.compiler.kernels.transpose_conv import TransposeConvKernel
from micronets.compiler.kernels.update import UpdateKernel
from micronets.compiler.kernels.variables import VariableKernel, state_offsets
from micronets.compiler.kernels.winograd import WinogradKernel, can_winograd, pays
from micronets.ir import layers
from micronets.ir.arch import Arch, Step


def choose(
    step: Step,
    sharing: Sharing,
    target: Target,
    state: Mapping[str, int],
    goal: Goal,
    copies: WeightCopies | None = None,
) -> Kernel:
    """Returns the kernel that computes a step on a target.

    - step: the step: a layer, and the shapes and types of its inputs and outputs.
    - sharing: the choices that were made for all layers of the network together.
    - target: the instruction set that the C is for.
    - state: for each variable, by name, the bytes from the start of the state to it.
    - goal: what kernels are chosen for where a faster one takes more memory.
    - copies: how layers may copy their weights first; None for not at all.
    """
    if isinstance(step.layer, layers.ReadVariable | layers.AssignVariable):
        return VariableKernel(step, step.layer, state[step.layer.variable])
    if isinstance(step.layer, layers.Svdf):
        return SvdfKernel(step, step.layer, state[step.layer.variable])
    if isinstance(step.layer, layers.UnidirectionalSequenceLstm):
        return LstmKernel(step, step.layer, state[step.layer.hidden], state[step.layer.cell])
    if isinstance(step.layer, layers.SignalFilterBankSpectralSubtraction):
        return SignalNoiseKernel(step, step.layer, state[step.layer.variable])
    if step.input_types[:1] == ("int16",) and (of_int16 := _choose_int16(step)):
        return of_int16
    if step.output_type in ("int32", "float32") and (of_numbers := _choose_for_numbers(step)):
        return of_numbers
    step = matrix_step(step)
    match target.kernels:
        case "dsp":
            kernel = _choose_winograd(step, target, goal) or _choose_dsp(step, sharing, target)
            return kernel.with_copies(copies, goal) if isinstance(kernel, ConvKernel) else kernel
        case "mve":
            return _choose_mve(step, sharing, target)
        case "plain":
            return _choose_plain(step, sharing, target)
        case _:
            assert_never(target.kernels)


def choose_all(
    arch: Arch, target: Target, goal: Goal = DEFAULT_GOAL, copies: WeightCopies | None = None
) -> tuple[Kernel, ...]:
    """Returns the kernel of each layer of `arch`, in execution order; for the arguments see `choose`."""
    sharing, state = share(arch, target, goal), state_offsets(arch)
    return tuple(choose(step, sharing, target, state, goal, copies) for step in arch.steps())


def _choose_int16(step: Step) -> Kernel | None:
    """Returns the kernel of a step that reads int16; None for a layer whose kernel takes codes of any width."""
    match step.layer:
        case (layers.Conv2D() | layers.DepthwiseConv2D() | layers.FullyConnected()) as layer:
            return Int16ProductsKernel(step, layer)
        case layers.TransposeConv2D() as layer:
            return Int16TransposeConvKernel(step, layer)
        case (
            layers.Add()
            | layers.Mul()
            | layers.Sub()
            | layers.Minimum()
            | layers.Maximum()
            | layers.SquaredDifference()
            | layers.Prelu()
        ) as layer:
            return Int16BinaryKernel(step, layer)
        case layers.BatchMatMul() as layer:
            return Int16BatchMatMulKernel(step, layer)
        case (layers.AveragePool2D() | layers.MaxPool2D()) as layer:
            return Int16PoolKernel(step, layer)
        case (layers.Mean() | layers.Sum()) as layer:
            return Int16ReductionKernel(step, layer)
        case (
            layers.Logistic() | layers.Tanh() | layers.Relu() | layers.LeakyRelu() | layers.Abs() | layers.Rsqrt()
        ) as layer:
            return Int16FunctionKernel(step, layer)
        case layers.Softmax() as layer:
            return Int16SoftmaxKernel(step, layer)
        case _:
            return None


def _choose_for_numbers(step: Step) -> Kernel | None:
    """Returns the kernel of a step that makes int32 or float32; None for a layer that copies or converts values."""
    match step.layer:
        case (
            layers.Add()
            | layers.Mul()
            | layers.Sub()
            | layers.Div()
            | layers.Minimum()
            | layers.Maximum()
            | layers.SquaredDifference()
            | layers.Prelu()
        ) as layer:
            return NumberBinaryKernel(step, layer)
        case (
            layers.Relu()
            | layers.LeakyRelu()
            | layers.Logistic()
            | layers.Abs()
            | layers.HardSwish()
            | layers.Rsqrt()
            | layers.NumberFunction()
        ) as layer:
            return FloatFunctionKernel(step, layer)
        case (layers.Mean() | layers.Sum() | layers.ReduceMax() | layers.ReduceMin()) as layer:
            return FloatReductionKernel(step, layer)
        case layers.Softmax() as layer:
            return FloatSoftmaxKernel(step, layer)
        case layers.ResizeBilinear() as layer:
            return FloatResizeBilinearKernel(step, layer)
        case _:
            return None


def _choose_winograd(step: Step, target: Target, goal: Goal) -> Kernel | None:
    """Returns the kernel by Winograd's algorithm of a convolution for which it pays; None for all other steps."""
    layer = step.layer
    if isinstance(layer, layers.Conv2D) and can_winograd(step, layer) and pays(step, layer, target, goal):
        return WinogradKernel(step, layer)
    return None


def _choose_mve(step: Step, sharing: Sharing, target: Target) -> Kernel:
    """Returns the kernel of a step for targets with 16 products of bytes an instruction."""
    match step.layer:
        case layers.FullyConnected(weight_bits=8) as layer:
            return lanes_kernel(step, layer)
        case layers.Conv2D(groups=1, weight_bits=8) as layer:
            return lanes_kernel(step, layer)
        case layers.DepthwiseConv2D() as layer if depthwise_lanes.suits(step, layer):
            return depthwise_lanes.DepthwiseLanesKernel(step, layer)
        case _:
            return _choose_dsp(step, sharing, target)


def _choose_plain(step: Step, sharing: Sharing, target: Target) -> Kernel:
    """Returns the kernel of a step for targets with one product an instruction."""
    match step.layer:
        case layers.FullyConnected(weight_bits=8) as layer:
            return bytes_kernel(step, layer)
        case layers.Conv2D(groups=1, weight_bits=8) as layer:
            return bytes_kernel(step, layer)
        case layers.DepthwiseConv2D(weight_bits=8) as layer:
            return depthwise_bytes_kernel(step, layer)
        case _:
            return _choose_dsp(step, sharing, target)


def _choose_dsp(step: Step, sharing: Sharing, target: Target) -> Kernel:
    """Returns the kernel of a step for targets with two products of 16 bits an instruction."""
    layer = step.layer
    match layer:
        case layers.FullyConnected():
            return _dense(step, layer, sharing)
        case layers.Conv2D() if layer.groups > 1:
            return GroupedConvKernel(step, layer)
        case layers.Conv2D():
            return _dense(step, layer, sharing) if is_dense(step) else ConvKernel(step, layer)
        case layers.DepthwiseConv2D():
            return DepthwiseKernel.of(step, layer, choose_schedule(step, target.depthwise, sharing.depthwise))
        case layers.TransposeConv2D():
            return TransposeConvKernel(step, layer)
        case layers.BatchMatMul():
            return BatchMatMulKernel(step, layer)
        case layers.AveragePool2D() if sharing.average_maps:
            return AverageMapKernel(step, layer)
        case layers.AveragePool2D() | layers.MaxPool2D():
            return PoolKernel(step, layer)
        case layers.Mean() | layers.Sum() | layers.ReduceMax() | layers.ReduceMin() | layers.ReduceAll():
            return ReductionKernel(step, layer)
        case layers.CumSum():
            return CumSumKernel(step, layer)
        case layers.AddN():
            return AddNKernel(step, layer)
        case layers.DynamicUpdateSlice():
            return UpdateKernel(step, layer)
        case layers.ArgMax():
            return ArgMaxKernel(step, layer)
        case layers.Add() if step.input_shapes[0] == step.input_shapes[1] and not any(step.constants):
            return AddKernel(step, layer, long_products=target.kernels != "plain")
        case (
            layers.Add()
            | layers.Mul()
            | layers.Sub()
            | layers.Minimum()
            | layers.Maximum()
            | layers.SquaredDifference()
            | layers.Prelu()
        ):
            return BinaryKernel(step, layer, long_products=target.kernels != "plain")
        case layers.Compare():
            return CompareKernel(step, layer)
        case layers.Logical():
            return LogicalKernel(step, layer)
        case layers.Select():
            return SelectKernel(step, layer)
        case layers.Concatenation() | layers.Pack():
            return ConcatenationKernel(step, layer)
        case layers.Split() | layers.Unpack():
            return SplitKernel(step, layer)
        case layers.Pad():
            return PadKernel(step, layer)
        case layers.Reshape():
            return ReshapeKernel(step, layer)
        case layers.ExpandDims() | layers.Squeeze():
            return ReshapeKernel(step, layer)
        case layers.Transpose() | layers.Slice() | layers.StridedSlice() | layers.BroadcastTo():
            return CopyKernel(step, layer)
        case layers.Lookup():
            return GatherKernel(step, layer)
        case layers.Gather() | layers.MirrorPad() | layers.ResizeNearestNeighbor():
            return TakeKernel(step, layer)
        case layers.ResizeBilinear():
            return ResizeBilinearKernel(step, layer)
        case layers.Softmax():
            return SoftmaxKernel(step, layer, by_words=target.kernels == "dsp")
        case layers.LogSoftmax():
            return LogSoftmaxKernel(step, layer)
        case layers.L2Normalization():
            return L2NormalizationKernel(step, layer)
        case layers.LogicalNot():
            return LookupKernel(step, layer)
        case (
            layers.Relu()
            | layers.HardSwish()
            | layers.Logistic()
            | layers.Tanh()
            | layers.LeakyRelu()
            | layers.Elu()
            | layers.Abs()
            | layers.Rsqrt()
            | layers.Quantize()
        ):
            return LookupKernel(step, layer)
        case layers.Div() | layers.NumberFunction():
            raise AssertionError("choose takes the kernels of numbers before")
        case layers.Dequantize():
            return DequantizeKernel(step, layer)
        case layers.Cast():
            return CastKernel(step, layer)
        case layers.SignalLayer():
            return SignalKernel(step, layer)
        case layers.ReadVariable() | layers.AssignVariable() | layers.Svdf() | layers.UnidirectionalSequenceLstm():
            raise AssertionError("choose takes the kernels that work with variables itself")
        case _:
            assert_never(layer)


def _dense(step: Step, layer: layers.Conv2D | layers.FullyConnected, sharing: Sharing) -> DenseKernel:
    """Returns the kernel of a matrix times one vector."""
    return DenseKernel(step, layer, sharing.dense_by8, sharing.pointwise if layer.name in sharing.as_pointwise else "")
