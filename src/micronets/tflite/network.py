"""`network`: makes a `QuantizedModel` of the operators of a file, with its weights, scales and constants."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Cast, Layer, Reshape, SignalLayer, TensorSpec, Weighted
from micronets.ir.ops import operator as facts_of
from micronets.ir.types import Type, Types
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import validate
from micronets.tflite import schema as s
from micronets.tflite.codec import layers_of
from micronets.tflite.codec.op import CONSTANT_OPERANDS, RECURRENT
from micronets.tflite.codec.record import FileOperator
from micronets.tflite.codec.weights import weights_of
from micronets.tflite.limits import excess
from micronets.tflite.obstacles import FloatModelError, Obstacles
from micronets.tflite.tensors import Array, Graph, Tensor, file_shape, plain_names
from micronets.tflite.tflm_limits import check_four_bit_outputs

_NO_UINT8 = "; TFLM has no uint8 kernel of it: today's converters make int8 inside, and QUANTIZE at the edges"


@dataclass(frozen=True)
class FileNetwork:
    """What a file says of its network.

    - graph: the tensors of the subgraph.
    - operators: its operators in execution order, without those that name variables or fill them.
    - inputs, outputs: the tensors that the model reads, at least one, and those that it writes.
    - metadata: the texts that the file carries, by name.
    - four_bits: the names of the tensors of 4 bits.
    - initial: the codes of variables before the first inference, by name, in their shape in the file.
    - obstacles: what is not supported of the operators.
    """

    graph: Graph
    operators: list[FileOperator]
    inputs: list[Tensor]
    outputs: list[Tensor]
    metadata: dict[str, str]
    four_bits: set[str]
    initial: dict[str, Array]
    obstacles: Obstacles


def network(file: FileNetwork) -> tuple[QuantizedModel, dict[str, int]]:
    """Returns the model that a file holds, and the index of every activation tensor by its name in the model.

    All that is not supported is raised at once, together with the obstacles that were found before.

    Raises `FileError`, `UnsupportedError`, and `SpecError` if the layers do not form a network.
    """
    return _Assembly(file).model()


class _Assembly:
    """A network that is put together, operator by operator.

    - names: the names of the tensors that the next operator may read, by index.
    - written_names: the names of all tensors that operators write, by index.
    - types, quants: what is known of the tensors so far, by name; a float tensor has no scale.
    - constants: those that layers read in place of activations, by name.
    - layers, weights: the layers so far.
    - origins: what errors call the operator of each layer, by the layer's name.
    - four_bits: the names of the tensors of 4 bits.
    """

    def __init__(self, file: FileNetwork) -> None:
        """Names the tensors, and takes up the inputs and the constants."""
        self.file = file
        self.graph, self.obstacles = file.graph, file.obstacles
        self.where = file.graph.where
        self.types: dict[str, Type] = {}
        self.quants: dict[str, TensorQuant | None] = {}
        self.constants: dict[str, tuple[TensorSpec, Array]] = {}
        self.layers: list[Layer] = []
        self.weights: dict[str, LayerWeights] = {}
        self.origins: dict[str, str] = {}
        self.four_bits = set(file.four_bits)
        self.written = [(o, tensor) for o in file.operators for tensor in o.outputs]
        operands = _constant_operands(file)
        self.graph.where = self.where
        constant_names = self._name_tensors([tensor for _, tensor in operands])
        for tensor in file.inputs:
            self._add_input(tensor)
        for (operator, tensor), name in zip(operands, constant_names, strict=True):
            self._add_constant(operator, tensor, name)
        self._add_lost()

    def model(self) -> tuple[QuantizedModel, dict[str, int]]:
        """Returns what `network` returns."""
        for number, operator in enumerate(self.file.operators):
            self._add_operator(number, operator)
        self.graph.where = self.where
        outputs: list[str] = []
        for sink in self.file.outputs:
            with self.obstacles.kept():
                outputs.append(self._output(sink, outputs))
        self.obstacles.check()
        model = self._quantized(self._arch(tuple(outputs)))
        too_large = excess(model.arch, self.origins)
        if too_large:
            raise self.graph.unsupported(too_large)
        self._check_shapes(model.arch)
        validate(model)
        if self.four_bits:
            _check_four_bits(model, self.where)
        return model, {name: index for index, name in self.names.items() if name not in self.constants}

    def _name_tensors(self, constants: list[Tensor]) -> list[str]:
        """Gives every tensor its name in the model; returns those of the constants, which are not read yet."""
        first, *others = self.file.inputs
        kinds = [*(o.op.name for o, _ in self.written), *("constant" for _ in constants), *("input" for _ in others)]
        written = [tensor for _, tensor in self.written]
        own = plain_names([tensor.name for tensor in (*written, *constants, *others)], kinds)
        self.graph.names = {INPUT, *own}
        self.written_names = {tensor.index: name for tensor, name in zip(written, own, strict=False)}
        behind = len(written) + len(constants)
        self.names = {first.index: INPUT} | {t.index: name for t, name in zip(others, own[behind:], strict=True)}
        return own[len(written) : behind]

    def _note(self, name: str, tensor: Tensor) -> None:
        """Notes the type and the scale that the file gives a tensor."""
        self.types[name] = self.graph.activation_type(tensor)
        self.quants[name] = self.graph.activation_quant(tensor)

    def _add_input(self, tensor: Tensor) -> None:
        """Takes up an input of the model."""
        with self.obstacles.kept():
            _check_input(self.graph, tensor)
            if tensor.index in self.written_names:
                raise self.graph.unsupported(f"{tensor.label} is an input of the model, and an operator writes it")
            self._note(self.names[tensor.index], tensor)

    def _add_constant(self, reader: FileOperator, tensor: Tensor, name: str) -> None:
        """Takes up a constant that operators read in place of an activation.

        - reader: the first operator that reads it.
        - tensor, name: the constant.
        """
        self.graph.where = reader.where
        self.names[tensor.index] = name
        with self.obstacles.kept():
            self.constants[name] = _constant(self.graph, tensor, name, with_batch=reader.op not in RECURRENT)
            quant = self.graph.activation_quant(tensor)
            self.types[name], self.quants[name] = self.constants[name][0].type, quant

    def _add_lost(self) -> None:
        """Takes up what operators write that are not supported, so that the operators that read it are looked at."""
        for index in sorted(self.obstacles.lost):
            with self.obstacles.passed_over():
                self.names[index] = self.graph.new_name(f"lost_{index}")
                self._note(self.names[index], self.graph.tensor(index))

    def _add_operator(self, number: int, operator: FileOperator) -> None:
        """Adds the layers of an operator. What is not supported of it becomes an obstacle.

        - number: its place among the operators, for messages.
        - operator: the operator.
        """
        self.graph.where = operator.where
        for tensor in operator.outputs:
            with self.obstacles.passed_over():  # what the file says of it, should the operator not be supported
                self._note(self.written_names[tensor.index], tensor)
        if all(i not in self.names or self.names[i] in self.types for i in operator.activations):
            with self.obstacles.kept(), _dynamic_named(self.graph, operator):
                self._add_layers(number, operator)
        self.names |= {tensor.index: self.written_names[tensor.index] for tensor in operator.outputs}

    def _add_layers(self, number: int, operator: FileOperator) -> None:
        """Adds the layers of an operator all of whose inputs are known. Raises `UnsupportedError`."""
        outputs = {self.written_names[tensor.index]: tensor for tensor in operator.outputs}
        made = layers_of(self.graph, operator, tuple(outputs), self.names)
        for name, tensor in outputs.items():
            _check_not_constant(self.graph, tensor, "an output")
            self.quants[name] = self.graph.activation_quant(tensor)
        if not all(_takes_numbers(layer) for layer in made):
            read_tensors = (self.graph.tensor(index) for index in operator.activations if index != -1)
            for tensor in (*read_tensors, *operator.outputs):
                self.graph.check_scale(tensor)
        for layer in made:
            self.origins[layer.name] = f"operator {number} ({operator.op.name})"
            read = tuple(self.types[i] for i in layer.inputs)
            written = _output_type(self.graph, operator, layer, read, self.where)
            self.types |= zip(layer.outputs, layer.output_types(written), strict=True)
            for name, twin in _twins(made, layer):
                twin = twin if twin in self.quants else made[-1].name
                self.quants[name] = self.quants[twin]
                self.four_bits |= {name} if twin in self.four_bits else set()
            if isinstance(layer, Weighted):
                layer, self.weights[layer.name] = weights_of(self.graph, operator, layer)
            self.layers.append(replace(layer, act_bits=4) if layer.name in self.four_bits else layer)
        for name, tensor in outputs.items():
            if self.graph.activation_type(tensor) != self.types[name]:
                made_here = self.types[name]
                raise self.graph.unsupported(f"{tensor.label} is {tensor.type_name}; its inputs make {made_here}")

    def _output(self, sink: Tensor, others: list[str]) -> str:
        """Returns the name of an output of the model; `others` are the outputs before it.

        A layer writes each output of a network: a Reshape that no operator stands for copies an input of the model, and
        what is an output already. Raises `UnsupportedError` for a constant, and `FileError` for what nothing writes.
        """
        if self.graph.is_constant(sink):
            raise self.graph.unsupported(
                f"the output, {sink.label}, is a constant; take it out of the model's outputs, since it is the same "
                "for every input"
            )
        if sink.index not in self.names:
            raise self.graph.damaged(f"the output, {sink.label}, is not what an operator writes")
        source = self.names[sink.index]
        if sink.index in self.written_names and source not in others:
            return source
        copy = Reshape(name=self.graph.new_name(f"{source[:30]}_copy"), inputs=(source,), shape=sink.layer_shape)
        self.layers.append(copy)
        self.origins[copy.name] = f"the output, {sink.label}"
        if source in self.quants:
            self.types[copy.name], self.quants[copy.name] = self.types[source], self.quants[source]
        self.four_bits |= {copy.name} if source in self.four_bits else set()
        return copy.name

    def _arch(self, outputs: tuple[str, ...]) -> Arch:
        """Returns the layers with the inputs, the given outputs and the constants of the model."""
        first, *others = self.file.inputs
        return Arch(
            first.layer_shape,
            tuple(self.layers),
            "int4" if INPUT in self.four_bits else self.types[INPUT],
            outputs,
            tuple(spec for spec, _ in self.constants.values()),
            tuple(TensorSpec(self.names[t.index], t.layer_shape, self.types[self.names[t.index]]) for t in others),
        )

    def _quantized(self, arch: Arch) -> QuantizedModel:
        """Returns the layers with their scales, weights, constants and variables."""
        graph, initial = self.graph, self.file.initial
        quants = {name: quant for name, quant in self.quants.items() if quant is not None}
        quants |= {name: graph.integer_quant(graph.tensor(index)) for index, name in graph.own_variables.items()}
        codes = {name: codes for name, (_, codes) in self.constants.items()}
        state = {
            name: _shaped(graph, initial[name], spec) for name, spec in arch.variables().items() if name in initial
        }
        return QuantizedModel(arch, quants, self.weights, self.file.metadata, codes, state)

    def _check_shapes(self, arch: Arch) -> None:
        """Raises `UnsupportedError` if the file gives a tensor another shape than its operator makes."""
        shapes = arch.shapes()
        for operator, tensor in self.written:
            self.graph.where = operator.where
            want = shapes[self.written_names[tensor.index]]
            if want != tensor.layer_shape:
                self.graph.check_fixed(tensor)
                sizes = f"the shape {list(tensor.shape)}; its inputs make {list(file_shape(want))}"
                raise self.graph.unsupported(f"{tensor.label} has {sizes}")


def _takes_numbers(layer: Layer) -> bool:
    """Tells whether TFLM's kernel of a layer looks at no scale, so that its tensors may be numbers without one."""
    return isinstance(layer, SignalLayer | Cast) or facts_of(layer).scale == "copied codes"


def _constant_operands(file: FileNetwork) -> list[tuple[FileOperator, Tensor]]:
    """Returns the constants of a file that operators read in place of activations, each with its first reader.

    What is not supported of these constants becomes an obstacle.
    """
    graph = file.graph
    readers: dict[int, FileOperator] = {}
    for o in file.operators:
        if o.op in (*CONSTANT_OPERANDS, *RECURRENT):
            graph.where = o.where
            for index in o.inputs if o.op in RECURRENT else o.activations:
                with file.obstacles.kept():
                    given = index != -1 and not graph.tensor(index).is_variable
                    if given and graph.is_constant(graph.tensor(index)):
                        readers.setdefault(index, o)
    return [(o, graph.tensor(index)) for index, o in readers.items()]


def _constant(graph: Graph, tensor: Tensor, name: str, with_batch: bool) -> tuple[TensorSpec, Array]:
    """Returns a constant of the file: what it is, and its codes in its shape, without the batch if it may have one."""
    kind = graph.activation_type(tensor)
    codes = graph.constant(tensor, (s.TENSOR_TYPES[kind],))
    if graph.only_zeros(tensor):
        codes = np.full_like(codes, graph.integer_quant(tensor).zero_point)
    shape = tensor.layer_shape if with_batch else tensor.shape
    return TensorSpec(name, shape, kind), codes.reshape(shape)


def _shaped(graph: Graph, codes: Array, spec: TensorSpec) -> Array:
    """Returns the initial codes of a variable in its shape. Raises `FileError` if their number does not fit it."""
    if codes.size != math.prod(spec.shape):
        raise graph.damaged(f"variable '{spec.name}' has {math.prod(spec.shape)} values and begins with {codes.size}")
    return codes.reshape(spec.shape)


def _twins(made: tuple[Layer, ...], layer: Layer) -> Iterator[tuple[str, str]]:
    """Yields the outputs of a layer that are no tensors of the file, each with the tensor that holds the same values.

    - made: the layers of one operator, as `layers_of` returns them, of which this is one.
    """
    behind = {other.inputs[0]: other.name for other in made if isinstance(other, Reshape)}
    for name in layer.outputs:
        if name in behind:
            yield name, behind[name]
        elif isinstance(layer, Reshape) and any(name in other.inputs for other in made):
            yield name, layer.inputs[0]


def _output_type(graph: Graph, o: FileOperator, layer: Layer, inputs: Types, where: str) -> Type:
    """Returns the type of what a layer writes.

    - o: the operator that the layer is made of.
    - inputs: the types of the layer's inputs.
    - where: what errors call the file.

    Raises `UnsupportedError` for inputs of a type that it cannot read.
    """
    try:
        return facts_of(layer).output_type(inputs, graph.where)
    except SpecError as e:
        for index in o.inputs:
            if index != -1 and graph.tensor(index).type == s.TensorType.FLOAT32:
                what = f"operator {o.op.name} reads {graph.tensor(index).label} of float32"
                way_out = (
                    "make an int8 model of it with: micronets import MODEL.tflite --calibrate DATA --out INT8.tflite"
                )
                raise FloatModelError(f"{where}: a float model: {what}; {way_out}") from e
        way_out = _NO_UINT8 if "uint8" in inputs else ""
        raise UnsupportedError(f"{e}{way_out}") from e


@contextmanager
def _dynamic_named(graph: Graph, o: FileOperator) -> Iterator[None]:
    """Says of an operator that does not fit its tensors that the shape of one is not fixed, if that is so.

    A file has a shape for such a tensor, too, with which TFLM computes; it often has ones that stand for nothing.
    """
    try:
        yield
    except (FileError, SpecError, UnsupportedError):
        for index in (*o.activations, *(tensor.index for tensor in o.outputs)):
            if index != -1:
                graph.check_fixed(graph.tensor(index))
        raise


def _check_input(graph: Graph, tensor: Tensor) -> None:
    """Raises `UnsupportedError` for an input of the model that is a constant, and for one whose shape is not fixed."""
    _check_not_constant(graph, tensor, "the input")
    graph.check_fixed(tensor)


def _check_not_constant(graph: Graph, tensor: Tensor, what: str) -> None:
    """Raises `UnsupportedError` for an activation whose buffer holds values: TFLM would take it for a constant."""
    if tensor.is_variable:
        raise graph.unsupported(
            f"{tensor.label} is {what} and a variable; operators keep variables for themselves only"
        )
    if len(graph.bytes_of(tensor.buffer)):
        raise graph.unsupported(
            f"{tensor.label} is {what} and has the values of buffer {tensor.buffer}; only weights, paddings and axes "
            "may be constants"
        )


def _check_four_bits(model: QuantizedModel, where: str) -> None:
    """Raises `UnsupportedError` if the metadata say 4 bits of a tensor whose codes may span more."""
    try:
        check_four_bit_outputs(model)
    except UnsupportedError as e:
        raise UnsupportedError(f"{where}: its metadata '{s.BITS_METADATA}' do not hold: {e}") from e
