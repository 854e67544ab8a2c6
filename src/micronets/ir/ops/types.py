"""The types of tensors that operators take and make: the rules of `Operator.output_type`.

A rule gets the types of the inputs, and where they are read: the operator's name with what leads to it, which begins
every message. It returns the type of all outputs, or raises `SpecError` for types that TFLM's kernel does not take.
Codes of 4 bits are int8 to an operator.
"""

from __future__ import annotations

from collections.abc import Mapping

from micronets.errors import SpecError
from micronets.ir.ops.record import TypeRule
from micronets.ir.types import Type, Types

COPIED: Types = ("int8", "int16", "int32", "float32")
"""What TFLM's kernels of views, slices, packing, joining and splitting take."""


def keeps(*allowed: Type) -> TypeRule:
    """Returns the rule of an operator whose inputs all have one of these types, and whose outputs have the same."""

    def rule(inputs: Types, where: str) -> Type:
        for read in inputs:
            if read not in allowed:
                raise SpecError(f"{where} reads {read}; supported: {', '.join(allowed)}")
        if len(set(inputs)) > 1:
            raise SpecError(f"{where} reads {' and '.join(dict.fromkeys(inputs))}; all inputs need one type")
        return inputs[0]

    return rule


def converts(made: Type, of: Mapping[Type, Types]) -> TypeRule:
    """Returns the rule of an operator with one input that makes the type `made`.

    - of: for each type that it can read, those that it can make of it.
    """

    def rule(inputs: Types, where: str) -> Type:
        read = inputs[0]
        if read not in of:
            raise SpecError(f"{where} reads {read}; supported: {', '.join(of)}")
        if made not in of[read]:
            raise SpecError(f"{where} makes {made} of {read}; supported: {', '.join(of[read])}")
        return made

    return rule
