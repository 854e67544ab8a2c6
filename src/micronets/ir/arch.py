"""`Arch`: the one description of a network that every part of micronets reads.

Shapes leave out a batch of one (`micronets.ir.layers.Shape`): `(H, W, C)` for maps and `(N,)` for vectors. Layers have
the names, the padding rules and the fused activations of TensorFlow Lite Micro. The network's input is called `INPUT`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from micronets.arguments import MISFITS, check_records
from micronets.errors import SpecError, did_you_mean
from micronets.ir.layers import (
    INPUT,
    LAYER_KINDS,
    AssignVariable,
    BatchMatMul,
    ByValue,
    Joining,
    Layer,
    Lookup,
    ReadVariable,
    Recurrent,
    Shape,
    SignalFilterBankSpectralSubtraction,
    SignalLayer,
    Svdf,
    TensorSpec,
    UnidirectionalSequenceLstm,
)
from micronets.ir.ops import Operator, Weights, checks, operator, operator_on
from micronets.ir.types import ELEMENT_BYTES, TYPES, Type, Types, stored
from micronets.terminal import counted


@dataclass(frozen=True)
class Step:
    """One layer with the shapes and types of its tensors. Cost functions read steps.

    - layer: the layer.
    - input_shapes, output_shapes: one shape for each of its inputs and outputs, without the batch.
    - input_types: one type for each of its inputs.
    - constants: for each of its inputs, whether it is a constant of the network.
    - output_type: the type of its first output; for most kinds of layers all outputs have it.
    - gate: the probability that the network contains the layer; 1 in an `Arch`.

    In a relaxed network of a `SearchSpace`, the gate, the channel counts in the shapes, and the layer's filters and
    kernel may be 0-d tensors.
    """

    layer: Layer
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    input_types: Types
    output_type: Type
    constants: tuple[bool, ...] = ()
    gate: Any = 1

    @property
    def output_shape(self) -> Shape:
        """Shape of the first output, which for most kinds of layers is the only one.

        A layer without outputs copies its input to a variable; for it this is the shape of the input.
        """
        return (*self.output_shapes, *self.input_shapes)[0]

    @staticmethod
    def of(
        layer: Layer,
        input_shapes: tuple[Shape, ...],
        gate: Any = 1,
        input_types: Types | None = None,
        constants: tuple[bool, ...] | None = None,
        facts: Operator | None = None,
    ) -> Step:
        """Makes the step of a layer whose inputs have these shapes.

        - gate: the probability that the network contains the layer.
        - input_types: the types of the inputs; None for int8.
        - constants: for each of the inputs, whether it is a constant; None if none is.
        - facts: the layer's `operator`, if the caller already has it.

        Raises `SpecError` for types that the layer cannot read.
        """
        types: Types = tuple("int8" for _ in layer.inputs) if input_types is None else input_types
        facts = operator_on(layer, types, facts)
        fixed = (False,) * len(layer.inputs) if constants is None else constants
        where = f"layer '{layer.name}': {facts.tflite_name}"
        made = facts.output_type(tuple(map(stored, types)), where)
        if layer.act_bits == 4:
            if made != "int8":
                raise SpecError(f"{where} makes {made} and has act_bits = 4; codes of 4 bits are int8")
            made = "int4"
        step = Step(layer, input_shapes, facts.output_shapes(input_shapes), types, made, fixed, gate)
        vars(step)["operator"] = facts
        return step

    def __getstate__(self) -> dict[str, Any]:
        # The cached record is left out: its functions cannot be pickled, and it is made again on demand.
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @cached_property
    def operator(self) -> Operator:
        """All facts about the layer's kind, for the fields of this layer and the types of its inputs."""
        return operator_on(self.layer, self.input_types)

    @cached_property
    def weights(self) -> Weights | None:
        """Sizes of the layer's weights; None for a layer without weights."""
        make = self.operator.weights
        return None if make is None else make(self.input_shapes[0])


@dataclass(frozen=True)
class Arch:
    """A network: its input, its layers and its outputs.

    - input_shape: the shape of the input, without the batch.
    - layers: the layers in execution order; each reads inputs, constants or outputs of earlier layers.
    - input_type: the type of the input.
    - output_names: the names of the network's outputs, in order; None stands for the outputs of the last layer.
    - more_inputs: the inputs besides the first, in order.
    - constants: tensors with fixed values, which a `QuantizedModel` holds; layers of the kinds `ByValue`, `Joining`,
      `Recurrent`, `SignalLayer`, BatchMatMul and Lookup read them.

    Raises `SpecError` on construction if the layers do not form a valid network.
    """

    input_shape: Shape
    layers: tuple[Layer, ...]
    input_type: Type = "int8"
    output_names: tuple[str, ...] | None = None
    constants: tuple[TensorSpec, ...] = ()
    more_inputs: tuple[TensorSpec, ...] = ()

    def __post_init__(self) -> None:
        try:
            vars(self)["_steps"] = _checked(self)
        except MISFITS:
            check_records(self)
            check_records(*self.layers, *self.constants, *self.more_inputs)
            raise
        if self.output_names == self.layers[-1].outputs:
            vars(self)["output_names"] = None  # so that equal networks are equal

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs, in order; the first is called `INPUT`, and in most networks it is the only one."""
        return (TensorSpec(INPUT, self.input_shape, self.input_type), *self.more_inputs)

    def check_one_input(self) -> None:
        """Raises `SpecError` for a network with several inputs."""
        if self.more_inputs:
            names = ", ".join(spec.name for spec in self.inputs)
            raise SpecError(
                f"the network has {counted(len(self.inputs), 'inputs')} ({names}), where exactly one is needed"
            )

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output tensors, in order."""
        return self.layers[-1].outputs if self.output_names is None else self.output_names

    @property
    def output(self) -> str:
        """Name of the first output tensor, which in most networks is the only one."""
        return self.outputs[0]

    @property
    def only_output(self) -> str:
        """Name of the network's only output. Raises `SpecError` if there are several."""
        if len(self.outputs) > 1:
            names = ", ".join(self.outputs)
            raise SpecError(
                f"the network has {counted(len(self.outputs), 'outputs')} ({names}), where exactly one is needed"
            )
        return self.outputs[0]

    @property
    def output_shape(self) -> Shape:
        """Shape of the first output tensor, without the batch."""
        return self.shapes()[self.output]

    def shapes(self) -> dict[str, Shape]:
        """Returns the shape of every tensor by its name, without the batch, `INPUT` first."""
        shapes = {spec.name: spec.shape for spec in self.inputs}
        for step in self.steps():
            shapes |= zip(step.layer.outputs, step.output_shapes, strict=True)
        return shapes

    def steps(self) -> tuple[Step, ...]:
        """Returns every layer with the shapes of its inputs and outputs, in execution order."""
        steps: tuple[Step, ...] = vars(self)["_steps"]
        return steps

    def types(self) -> dict[str, Type]:
        """Returns the type of every tensor by its name, `INPUT` first."""
        given = {spec.name: spec.type for spec in self.inputs}
        for step in self.steps():
            given |= zip(step.layer.outputs, step.layer.output_types(step.output_type), strict=True)
        return given

    def variables(self) -> dict[str, TensorSpec]:
        """Returns the variables that the network keeps between inferences, by name, in order of first use."""
        return _variables(self.steps())

    def own_variables(self) -> dict[str, TensorSpec]:
        """Returns the variables that belong to single layers, by name.

        Layers of the kinds `Recurrent` keep them in tensors of the file, a SignalFilterBankSpectralSubtraction in
        memory that its kernel requests.
        """
        return {name: spec for step in self.steps() for name, spec in own_variables(step).items()}

    def element_bytes(self) -> dict[str, int]:
        """Returns the bytes that one element of every tensor takes in memory, `INPUT` first."""
        return {name: ELEMENT_BYTES[of] for name, of in self.types().items()}

    def tensor_bytes(self) -> dict[str, int]:
        """Returns the bytes that every tensor takes in memory, `INPUT` first."""
        shapes = self.shapes()
        return {name: math.prod(shapes[name]) * size for name, size in self.element_bytes().items()}

    def to_json(self) -> str:
        """Returns the network as JSON text, which `from_json` reads."""
        layers = [{"kind": type(a).__name__} | asdict(a) for a in self.layers]
        outputs = {} if self.output_names is None else {"outputs": self.output_names}
        constants = {"constants": [asdict(c) for c in self.constants]} if self.constants else {}
        inputs = {"more_inputs": [asdict(spec) for spec in self.more_inputs]} if self.more_inputs else {}
        head = json.dumps(
            {"input_shape": self.input_shape, "input_type": self.input_type} | outputs | constants | inputs
        )[:-1]
        return head + ', "layers": [\n  ' + ",\n  ".join(json.dumps(a) for a in layers) + "\n]}\n"

    @staticmethod
    def from_json(text: str, where: str = "arch JSON") -> Arch:
        """Returns the network that `to_json` wrote.

        - text: the JSON text.
        - where: the name of the source in errors, for instance its path.

        Raises `SpecError` if the text does not describe a network, or if its layers do not form one.
        """
        try:
            raw = json.loads(text)
            layers = tuple(_layer_from_dict(d, where) for d in raw["layers"])
            outputs = None if raw.get("outputs") is None else tuple(raw["outputs"])
            constants, more = (
                tuple(TensorSpec(c["name"], _tuples(c["shape"]), c["type"]) for c in raw.get(key, []))
                for key in ("constants", "more_inputs")
            )
            return Arch(tuple(raw["input_shape"]), layers, _input_type(raw), outputs, constants, more)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
            why = f"{type(e).__name__}: {e}"
            raise SpecError(f"{where}: not an architecture ({why}); write one with Arch.to_json") from e


def _input_type(raw: Mapping[str, Any]) -> Type:
    """Returns the type of a network's input from its JSON; earlier versions wrote the number of bits instead."""
    kind: Type = raw.get("input_type", "int4" if raw.get("input_bits") == 4 else "int8")
    return kind


def _layer_from_dict(d: Mapping[str, Any], where: str) -> Layer:
    """Returns the layer that a JSON object describes. Raises `SpecError` for an unknown kind or field."""
    kind = LAYER_KINDS.get(d["kind"])
    if kind is None:
        raise SpecError(f"{where}: unknown layer kind '{d['kind']}'; {did_you_mean(str(d['kind']), LAYER_KINDS)}")
    names = {f.name for f in fields(kind)}
    for key in d:
        if key not in names | {"kind"}:
            raise SpecError(f"{where}: layer '{d.get('name')}' has no field '{key}'; {did_you_mean(key, names)}")
    layer: Layer = kind(**{k: _tuples(v) for k, v in d.items() if k != "kind"})
    return layer


def _tuples(value: Any) -> Any:
    """Returns a JSON value with all lists, nested ones too, turned into tuples."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _check_spec(spec: TensorSpec, where: str, taken: Mapping[str, Shape]) -> None:
    """Raises `SpecError` for an input or a constant with an invalid shape or type, or a name that is taken."""
    checks.a_shape(where, "shape", spec.shape)
    if spec.name in taken:
        raise SpecError(f"{where}: the name is taken; give every tensor its own")
    if spec.type == "int4" or spec.type not in TYPES:
        allowed = ", ".join(of for of in TYPES if of != "int4")
        raise SpecError(f"{where}: type = {spec.type!r}; allowed: {allowed}")


def _checked(arch: Arch) -> tuple[Step, ...]:
    """Returns the steps of a network. Raises `SpecError` if its layers do not form one."""
    if not arch.layers:
        raise SpecError("an architecture needs at least one layer")
    checks.a_shape("input", "input_shape", arch.input_shape)
    if arch.input_type not in TYPES:
        raise SpecError(f"input: input_type = {arch.input_type!r}; allowed: {', '.join(TYPES)}")
    shapes: dict[str, Shape] = {INPUT: arch.input_shape}
    types: dict[str, Type] = {INPUT: arch.input_type}
    for what, specs in (("input", arch.more_inputs), ("constant", arch.constants)):
        for spec in specs:
            _check_spec(spec, f"{what} '{spec.name}'", shapes)
            shapes[spec.name], types[spec.name] = spec.shape, spec.type
    given, fixed = {spec.name for spec in arch.inputs}, {spec.name for spec in arch.constants}
    steps = []
    for layer in arch.layers:
        where = f"layer '{layer.name}'"
        for name in layer.outputs:
            if name in shapes or layer.outputs.count(name) > 1:
                what = "the name" if name == layer.name else f"the name '{name}'"
                raise SpecError(f"{where}: {what} is taken; give every layer its own")
        for i in layer.inputs:
            if i not in shapes:
                nearest = did_you_mean(i, shapes)
                raise SpecError(f"{where}: input '{i}' is not '{INPUT}' nor an earlier layer; {nearest}")
        step = _checked_step(
            layer,
            tuple(shapes[i] for i in layer.inputs),
            tuple(types[i] for i in layer.inputs),
            tuple(i in fixed for i in layer.inputs),
        )
        made = layer.output_types(step.output_type)
        for name, shape, of in zip(layer.outputs, step.output_shapes, made, strict=True):
            shapes[name], types[name] = shape, of
        steps.append(step)
    for name in arch.output_names or ():
        if name not in shapes or name in given or name in fixed:
            raise SpecError(f"output '{name}' is not what a layer writes; {did_you_mean(name, shapes)}")
    _check_variables(steps)
    if not arch.outputs or len(set(arch.outputs)) < len(arch.outputs):
        raise SpecError(f"outputs {arch.outputs}: need at least one, and each once")
    return tuple(steps)


_STEPS_KEPT = 4096
_steps: dict[str, Step] = {}
"""Recently checked steps, by the `repr` of everything they are made from: 1, 1.0 and True are equal as keys, but their
texts differ. The networks of a search have most of their steps in common.
"""


def _checked_step(layer: Layer, inputs: tuple[Shape, ...], types: Types, constants: tuple[bool, ...]) -> Step:
    """Returns the checked step of a layer; cached by the arguments, which are those of `Step.of`.

    Raises `SpecError` for an invalid layer, or for one that cannot read such inputs.
    """
    key = repr((layer, inputs, types, constants))
    if key in _steps:
        return _steps[key]
    where, kind = f"layer '{layer.name}'", type(layer).__name__
    facts = operator(layer)
    if len(layer.inputs) not in facts.inputs:
        raise SpecError(f"{where}: {kind} takes {facts.inputs} input(s), not {len(layer.inputs)}")
    for name, fixed in zip(layer.inputs, constants, strict=True):
        if fixed and not isinstance(layer, ByValue | BatchMatMul | Joining | Lookup | Recurrent | SignalLayer):
            raise SpecError(f"{where}: {kind} reads the constant '{name}'; it takes activations only")
    if constants and all(constants):
        raise SpecError(f"{where}: all that it reads is constant; give it an activation")
    if isinstance(layer, Recurrent) and list(constants) != [i > 0 for i, _ in enumerate(inputs)]:
        raise SpecError(f"{where}: {kind} reads an activation, and constants after it")
    if isinstance(layer, SignalLayer) and list(constants) != [of == "int16" and i > 0 for i, of in enumerate(types)]:
        raise SpecError(f"{where}: {kind} reads activations, and int16 constants after them")
    facts.check(inputs, where)
    if layer.act_bits not in (4, 8):
        raise SpecError(f"{where}: act_bits = {layer.act_bits}; allowed: 4, 8")
    step = Step.of(layer, inputs, input_types=types, constants=constants, facts=facts)
    for shape in step.output_shapes:
        checks.a_shape(where, "output shape", shape)
    if len(_steps) >= _STEPS_KEPT:
        _steps.clear()
    _steps[key] = step
    return step


def _variables(steps: Sequence[Step]) -> dict[str, TensorSpec]:
    """Returns the variables of a network, each with the shape and type of the first layer that uses it."""
    found: dict[str, TensorSpec] = {}
    for step in steps:
        match step.layer:
            case ReadVariable() | AssignVariable():
                name = step.layer.variable
                found.setdefault(name, TensorSpec(name, step.output_shape, stored(step.output_type)))
            case _:
                found |= own_variables(step)
    return found


def own_variables(step: Step) -> dict[str, TensorSpec]:
    """Returns the variables that belong to one layer alone, by name."""
    match step.layer:
        case Svdf(variable=name, of=kind):
            return {name: TensorSpec(name, (math.prod(step.input_shapes[2]),), kind)}
        case UnidirectionalSequenceLstm(hidden=hidden, cell=cell):
            units = step.input_shapes[-1]
            return {hidden: TensorSpec(hidden, units, "int8"), cell: TensorSpec(cell, units, "int16")}
        case SignalFilterBankSpectralSubtraction(variable=name):
            return {name: TensorSpec(name, step.input_shapes[0], "uint32")}
        case _:
            return {}


def _check_variables(steps: Sequence[Step]) -> None:
    """Raises `SpecError` for an inconsistent variable.

    That is one that is read but never assigned, one with two shapes or types, or one that belongs to a layer and is
    used by another.
    """
    known = _variables(steps)
    tensors = {name for step in steps for name in (*step.layer.inputs, *step.layer.outputs)}
    kept: set[str] = set()
    for step in steps:
        for name in own_variables(step):
            if name in tensors | kept:
                raise SpecError(f"layer '{step.layer.name}': its variable's name '{name}' is taken; give it another")
            kept.add(name)
    assigned = {step.layer.variable for step in steps if isinstance(step.layer, AssignVariable)}
    for step in steps:
        layer = step.layer
        if not isinstance(layer, ReadVariable | AssignVariable):
            continue
        if layer.variable in kept:
            raise SpecError(f"layer '{layer.name}': another layer keeps the variable '{layer.variable}' for itself")
        first, own = known[layer.variable], (step.output_shape, stored(step.output_type))
        if own != (first.shape, first.type):
            raise SpecError(
                f"layer '{layer.name}': the variable '{layer.variable}' is {own[1]} {own[0]} here and {first.type} "
                f"{first.shape} elsewhere"
            )
        if layer.variable not in assigned:
            raise SpecError(f"layer '{layer.name}': nothing assigns the variable '{layer.variable}'")
