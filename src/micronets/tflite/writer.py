"""`write`: makes the bytes of a `.tflite` of a `QuantizedModel`, with what TensorFlow Lite Micro needs and little else.

The bytes of each part, measured on chains of equal layers, where W is the bytes of a layer's packed weights and n the
number of its output channels:

    the file itself            about 300, and 20 to 24 for each kind of operator used
    Conv2D, DepthwiseConv2D    W + 8 n (a scale and a bias for each channel) + 215
    FullyConnected             W + 4 n (8 n with a scale for each channel) + 245
    Add, Pad                   110
    other operators            65 to 75
    each text of the metadata  its bytes, those of its name, and 40

Equal shapes, options, scales, zero points and strings are stored once, so that layers which differ take a little more.
Weights and biases are never shared: the size follows from the `Arch`. Buffers start at multiples of 16, as the format
demands, which costs 8 bytes for each on average.

The file leaves out the names of constants, ranges, versions and descriptions, the scales of biases of layers whose
weights have one scale for each channel, and all zero points of a layer's weights but one, a zero that TFLM takes for
every channel.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.arguments import check_records
from micronets.errors import SpecError
from micronets.ir.arch import Step, own_variables
from micronets.ir.layers import (
    AssignVariable,
    DynamicUpdateSlice,
    Pad,
    Quantize,
    ReadVariable,
    Recurrent,
    Shape,
    SignalLayer,
)
from micronets.ir.ops import Weights
from micronets.ir.types import Type, stored
from micronets.quantized.arithmetic import dtype_of, pack_int4
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.state import first_state
from micronets.quantized.validate import validate
from micronets.tflite import schema as s
from micronets.tflite.builder import Field, LeanBuilder
from micronets.tflite.codec import Op, codec, encode_layer
from micronets.tflite.codec.op import CUSTOM, CUSTOM_NAMES
from micronets.tflite.codec.record import Encoded
from micronets.tflite.codec.recurrent import operands
from micronets.tflite.flexbuffer import write_map
from micronets.tflite.tensors import file_shape
from micronets.tflite.tflm_limits import check_four_bit_outputs, check_scales_of_four_bits


def write(model: QuantizedModel, portable: bool = False) -> bytes:
    """Returns the bytes of a `.tflite` file that holds a model. Equal models give equal bytes; `read` is the inverse.

    - model: the model.
    - portable: false for a file that runs in TFLM; true for one that opens in the full TensorFlow Lite interpreter as
      well. That wants a zero point for every channel (8 bytes more for each channel, once for all layers of that
      width) and a bias for every layer with weights, so that a missing bias reads back as zeros.

    Raises `SpecError` for an inconsistent model, and `UnsupportedError` for one that TFLM cannot run: 4-bit weights of
    a FullyConnected layer with a scale for each output, or 4-bit outputs that no clamp keeps within 16 codes.
    """
    validate(model)
    check_scales_of_four_bits(model)
    check_four_bit_outputs(model)
    return _Writer(model, portable).finish()


@dataclass
class _Writer:
    """One file in the making: tensors and operators are collected first, and written when all are known.

    - model, portable: the arguments of `write`.
    - file: what the tables are written to.
    - buffers: the bytes of every buffer, by the buffer's number; the first is empty.
    - tensors: for every tensor, what writes its table and returns the table's offset.
    - index: the number of every activation tensor, by its name.
    - constants: the number of every int32 constant, by its shape and bytes.
    - codes: every operator that the file uses, once.
    - handles: the number of the tensor that stands for each variable, by its name.
    """

    model: QuantizedModel
    portable: bool
    file: LeanBuilder = field(default_factory=LeanBuilder)
    buffers: list[bytes] = field(default_factory=lambda: [b""])
    tensors: list[Callable[[], int]] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    constants: dict[tuple[Shape, bytes], int] = field(default_factory=dict)
    codes: list[Op] = field(default_factory=list)
    handles: dict[str, int] = field(default_factory=dict)

    @cached_property
    def types(self) -> dict[str, Type]:
        """The types of the network's tensors."""
        return self.model.arch.types()

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The tensors that get no scale in the file: truth values, and int32 tensors whose codes are numbers.

        The scale 1 and the zero point 0 of these are not written unless a Quantize asks for it.
        """
        arch, one = self.model.arch, TensorQuant(1.0, 0)
        types = self.types | {spec.name: spec.type for spec in arch.constants}
        quantised = [layer for layer in arch.layers if isinstance(layer, Quantize)]
        coded = {name for layer in quantised for name in (*layer.inputs, *layer.outputs)}
        numbers = {n for n, of in types.items() if of == "int32" and self.model.quant[n] == one} - coded
        return frozenset(numbers | {n for n, of in types.items() if of == "bool"})

    @cached_property
    def vectors(self) -> frozenset[str]:
        """The tensors that have no batch in the file: those of TFLM's signal operators, and places of a box."""
        layers = self.model.arch.layers
        signals = {name for x in layers if isinstance(x, SignalLayer) for name in (*x.inputs, *x.outputs)}
        return frozenset(signals | {name for x in layers if isinstance(x, DynamicUpdateSlice) for name in x.inputs[2:]})

    def finish(self) -> bytes:
        """Returns the bytes of the whole file."""
        arch = self.model.arch
        shapes = arch.shapes()
        for spec in arch.inputs:
            self.activation(spec.name, shapes[spec.name])
        operators = [*self.variables(), *(self.operator(step) for step in arch.steps())]
        metadata = [self.metadata(name, text) for name, text in _written_metadata(self.model).items()]
        tensors = self.file.offsets([make() for make in self.tensors])
        slot = s.SubGraphSlot
        graph = self.file.table(
            [
                (slot.TENSORS, "table", tensors, 0),
                (slot.INPUTS, "table", self.file.vector(np.int32, [self.index[spec.name] for spec in arch.inputs]), 0),
                (slot.OUTPUTS, "table", self.file.vector(np.int32, [self.index[n] for n in arch.outputs]), 0),
                (slot.OPERATORS, "table", self.file.offsets([make() for make in operators]), 0),
            ]
        )
        top: list[Field] = [
            (s.ModelSlot.VERSION, "uint32", s.SCHEMA_VERSION, 0),
            (s.ModelSlot.OPERATOR_CODES, "table", self.file.offsets([self.operator_code(c) for c in self.codes]), 0),
            (s.ModelSlot.SUBGRAPHS, "table", self.file.offsets([graph, *self.initialising_graph()]), 0),
            (s.ModelSlot.BUFFERS, "table", self.file.offsets([self.file.buffer(b) for b in self.buffers]), 0),
        ]
        if metadata:
            top.append((s.ModelSlot.METADATA, "table", self.file.offsets([make() for make in metadata]), 0))
        return self.file.finish(self.file.table(top))

    # --- tensors ------------------------------------------------------------------------------------------------------

    def add_buffer(self, data: bytes) -> int:
        """Adds a buffer and returns its number; equal ones are not shared, so that the size follows from the layers."""
        if not data:
            return 0
        self.buffers.append(data)
        return len(self.buffers) - 1

    def quantization(self, scales: npt.NDArray[np.float32], zero_point: int, dimension: int = 0) -> int:
        """Writes the quantisation of a tensor, and returns the offset of its table.

        - scales: float32 `[channels]`, or `[1]` for the whole tensor.
        - zero_point: the zero point of all of them.
        - dimension: the dimension of the tensor along which the scales apply.
        """
        slot = s.QuantizationSlot
        zero_points = [zero_point] * (len(scales) if self.portable else 1)
        return self.file.table(
            [
                (slot.SCALE, "table", self.file.vector(np.float32, scales), 0),
                (slot.ZERO_POINT, "table", self.file.vector(np.int64, zero_points), 0),
                (slot.DIMENSION, "int32", dimension, 0),
            ]
        )

    def add_tensor(
        self,
        shape: Shape,
        kind: s.TensorType,
        data: bytes = b"",
        name: str = "",
        quant: tuple[Any, int, int] | None = None,
        is_variable: bool = False,
    ) -> int:
        """Adds a tensor and returns its number.

        - shape: its shape, with the batch if it is an activation.
        - kind: the type of its values.
        - data: the bytes of its values; none for an activation.
        - name: its name, or "" for none.
        - quant: the arguments of `quantization`; None for a tensor without scales.
        - is_variable: whether an operator keeps it for itself from one inference to the next.
        """
        buffer = self.add_buffer(data)

        def make() -> int:
            slot = s.TensorSlot
            return self.file.table(
                [
                    (slot.SHAPE, "table", self.file.vector(np.int32, shape), 0),
                    (slot.TYPE, "int8", int(kind), 0),
                    (slot.BUFFER, "uint32", buffer, 0),
                    (slot.NAME, "table", self.file.string(name) if name else 0, 0),
                    (slot.QUANTIZATION, "table", self.quantization(*quant) if quant else 0, 0),
                    (slot.IS_VARIABLE, "bool", is_variable, False),
                ]
            )

        self.tensors.append(make)
        return len(self.tensors) - 1

    def activation(self, name: str, shape: Shape) -> int:
        """Adds the activation tensor of that name, whose shape is given without the batch, and returns its number."""
        quant = None if name in self.numbers else self.model.quant.get(name)
        kind = s.TENSOR_TYPES[stored(self.types[name])]
        parameters = None if quant is None else (np.array([quant.scale], np.float32), quant.zero_point, 0)
        in_file = shape if name in self.vectors else file_shape(shape)
        self.index[name] = self.add_tensor(in_file, kind, name=name, quant=parameters)
        return self.index[name]

    def operand(self, name: str, with_batch: bool) -> None:
        """Adds the tensor of a constant of the network; it keeps its name, from which the reader recognises it.

        - with_batch: whether its shape in the file has a batch in front.
        """
        spec = next(constant for constant in self.model.arch.constants if constant.name == name)
        quant = None if name in self.numbers else self.model.quant.get(name)
        parameters = None if quant is None else (np.array([quant.scale], np.float32), quant.zero_point, 0)
        data = np.ascontiguousarray(self.model.constants[name]).tobytes()
        shape = file_shape(spec.shape) if with_batch else spec.shape
        self.index[name] = self.add_tensor(shape, s.TENSOR_TYPES[spec.type], data, name, parameters)

    def constant(self, values: npt.ArrayLike) -> int:
        """Adds an int32 constant (axes, paddings), unless there is an equal one, and returns its number."""
        array = np.ascontiguousarray(values, np.int32)
        key = (array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = self.add_tensor(array.shape, s.TensorType.INT32, array.tobytes())
        return self.constants[key]

    def parameters(self, step: Step, sizes: Weights, encoded: Encoded) -> list[int]:
        """Adds the tensors of a layer's weights and bias, and returns their numbers.

        - step: the layer.
        - sizes: the shape and the bits of its weights.
        - encoded: the layer as it is written, which says whether the bias carries a scale.

        There is no tensor of a bias where the layer has none, unless the file is portable.
        """
        w = self.model.weights[step.layer.name]
        four = sizes.bits == 4
        data = pack_int4(w.weights) if four else w.weights.tobytes()
        kind = s.TensorType.INT4 if four else s.TensorType.INT8
        tensors = [self.add_tensor(w.weights.shape, kind, data, quant=(w.scales, w.zero_point, sizes.axis))]
        of_int16 = step.input_types[0] == "int16"
        none = np.zeros(sizes.channels, np.int64 if of_int16 else np.int32)
        bias = none if w.bias is None and self.portable else w.bias
        if bias is not None:
            scale = np.float32(self.model.quant[step.layer.inputs[0]].scale) * w.scales
            quant = (scale, 0, 0) if encoded.bias_scale else None
            kind = s.TensorType.INT64 if bias.dtype == np.int64 else s.TensorType.INT32
            tensors.append(self.add_tensor(bias.shape, kind, bias.tobytes(), quant=quant))
        return tensors

    # --- operators ----------------------------------------------------------------------------------------------------

    def variables(self) -> list[Callable[[], int]]:
        """Adds a tensor that stands for each variable, and returns what writes the operators in front of all others:
        one that fills the variables, and one that names each.
        """
        own = self.model.arch.own_variables()
        names = [name for name in self.model.arch.variables() if name not in own]
        self.handles = {name: self.add_tensor((), s.TensorType.RESOURCE) for name in names}
        return self.naming(names, self.handles, run=1 if names else 0)

    def own_variable(self, name: str) -> int:
        """Adds the tensor of a variable that an operator keeps for itself, and returns its number."""
        spec, quant = self.model.arch.own_variables()[name], self.model.quant[name]
        parameters = (np.array([quant.scale], np.float32), quant.zero_point, 0)
        kind = s.TENSOR_TYPES[spec.type]
        return self.add_tensor((1, *spec.shape), kind, name=name, quant=parameters, is_variable=True)

    def naming(self, names: list[str], handles: Mapping[str, int], run: int) -> list[Callable[[], int]]:
        """Returns what writes the operators that name variables.

        - names: those of the variables.
        - handles: the numbers of the tensors that stand for them.
        - run: the subgraph that an operator in front of them runs once; 0 for no such operator.
        """
        made: list[Callable[[], int]] = []
        if run:
            made.append(self.plain_operator(Op.CALL_ONCE, [], [], [(s.CallOnceSlot.SUBGRAPH, "int32", run, 0)]))
        for name in names:
            text: Field = (s.VarHandleSlot.SHARED_NAME, "table", self.file.string(name), 0)
            container: Field = (s.VarHandleSlot.CONTAINER, "table", self.file.string(""), 0)
            made.append(self.plain_operator(Op.VAR_HANDLE, [], [handles[name]], [container, text]))
        return made

    def initialising_graph(self) -> list[int]:
        """Writes the subgraph that fills the variables, and returns its offset; nothing if there are none."""
        own = self.model.arch.own_variables()
        state = {name: codes for name, codes in first_state(self.model).items() if name not in own}
        if not state:
            return []
        outer, self.tensors = self.tensors, []
        specs = self.model.arch.variables()
        handles = {name: self.add_tensor((), s.TensorType.RESOURCE) for name in state}
        operators = self.naming(list(state), handles, run=0)
        for name, codes in state.items():
            kind = s.TENSOR_TYPES[specs[name].type]
            value = self.add_tensor(file_shape(specs[name].shape), kind, np.ascontiguousarray(codes).tobytes())
            operators.append(self.plain_operator(Op.ASSIGN_VARIABLE, [handles[name], value], [], []))
        tensors, self.tensors = self.file.offsets([make() for make in self.tensors]), outer
        none = self.file.vector(np.int32, [])
        slot = s.SubGraphSlot
        return [
            self.file.table(
                [
                    (slot.TENSORS, "table", tensors, 0),
                    (slot.INPUTS, "table", none, 0),
                    (slot.OUTPUTS, "table", none, 0),
                    (slot.OPERATORS, "table", self.file.offsets([make() for make in operators]), 0),
                ]
            )
        ]

    def operator(self, step: Step) -> Callable[[], int]:
        """Adds the tensors of a layer, and returns what writes the operator's table and returns the table's offset."""
        layer = step.layer
        for name in layer.inputs:
            if name not in self.index:  # a constant, which is written where it is first read
                self.operand(name, with_batch=not isinstance(layer, Recurrent | SignalLayer))
        inputs = [self.index[i] for i in layer.inputs]
        encoded = encode_layer(layer, self.file)
        parameters = [] if step.weights is None else self.parameters(step, step.weights, encoded)
        constants = [self.constant(values) for values in step.operator.constants]
        in_front = codec(encoded.op).activations.start or 0
        inputs = [*constants[:in_front], *inputs, *constants[in_front:]]
        inputs = [*inputs[:1], *parameters[:1], *inputs[1:], *parameters[1:]]  # weights come second, a bias comes last
        if isinstance(layer, Pad) and layer.value is not None:  # a code with the scale of the output
            of = stored(step.output_type)
            q = None if layer.name in self.numbers else self.model.quant.get(layer.name)
            border = np.array([layer.value], dtype_of(of)).tobytes()
            quant = None if q is None else (np.array([q.scale], np.float32), q.zero_point, 0)
            inputs.append(self.add_tensor((1,), s.TENSOR_TYPES[of], border, quant=quant))
        outputs = [self.activation(n, shape) for n, shape in zip(layer.outputs, step.output_shapes, strict=True)]
        if isinstance(layer, ReadVariable | AssignVariable):
            inputs = [self.handles[layer.variable], *inputs]
        if isinstance(layer, Recurrent):
            inputs = operands(layer, inputs, [self.own_variable(name) for name in own_variables(step)])
        return self.plain_operator(encoded.op, inputs, outputs, encoded.options, encoded.custom)

    def plain_operator(
        self,
        code: Op,
        inputs: list[int],
        outputs: list[int],
        options: list[Field],
        custom: Mapping[str, int] | None = None,
    ) -> Callable[[], int]:
        """Returns what writes the table of an operator and returns the table's offset.

        - code: which operator it is.
        - inputs, outputs: the numbers of its tensors.
        - options: the fields of its options.
        - custom: the options of a CUSTOM operator, by name.
        """
        if code not in self.codes:
            self.codes.append(code)
        number = codec(code).options

        def make() -> int:
            slot = s.OperatorSlot
            fields: list[Field] = [
                (slot.CODE_INDEX, "uint32", self.codes.index(code), 0),
                (slot.INPUTS, "table", self.file.vector(np.int32, inputs), 0),
                (slot.OUTPUTS, "table", self.file.vector(np.int32, outputs), 0),
            ]
            if number is not None:
                fields.append((slot.OPTIONS_TYPE, "int8", number, 0))
                fields.append((slot.OPTIONS, "table", self.file.table(options), 0))
            if custom is not None:
                numbers = np.frombuffer(write_map(custom), np.uint8)
                fields.append((slot.CUSTOM_OPTIONS, "table", self.file.vector(np.uint8, numbers), 0))
            return self.file.table(fields)

        return make

    def operator_code(self, code: Op) -> int:
        """Writes the table that names an operator which the file uses, in the old field and in the new one."""
        slot, number = s.OperatorCodeSlot, CUSTOM if code in CUSTOM_NAMES else int(code)
        fields: list[Field] = [(slot.DEPRECATED_CODE, "int8", min(number, 127), 0), (slot.CODE, "int32", number, 0)]
        if code in CUSTOM_NAMES:
            fields.append((slot.CUSTOM_CODE, "table", self.file.string(CUSTOM_NAMES[code]), 0))
        return self.file.table(fields)

    def metadata(self, name: str, text: str) -> Callable[[], int]:
        """Adds the buffer of a text, and returns what writes its entry and returns the entry's offset."""
        buffer = self.add_buffer(text.encode())
        slot = s.MetadataSlot
        return lambda: self.file.table(
            [(slot.NAME, "table", self.file.string(name), 0), (slot.BUFFER, "uint32", buffer, 0)]
        )


def _texts(metadata: Mapping[str, str]) -> list[str]:
    """Returns the names and the texts of metadata."""
    return [*metadata.keys(), *metadata.values()]


def _written_metadata(model: QuantizedModel) -> dict[str, str]:
    """Returns the texts that the file carries, by name: those of the model, and the names of its tensors of 4 bits."""
    if not isinstance(model.metadata, Mapping) or not all(isinstance(t, str) for t in _texts(model.metadata)):
        check_records(model)
    for name, text in model.metadata.items():
        if name in s.RESERVED_METADATA or not name or not text or "\0" in name + text:
            raise SpecError(f"metadata '{name}': the name is reserved, or name or text is empty or holds a NUL")
    four = [name for name, of in model.arch.types().items() if of == "int4"]
    return dict(model.metadata) | ({s.BITS_METADATA: json.dumps(four)} if four else {})
