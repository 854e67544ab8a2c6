"""Operators in the file and their records go together."""

from typing import Any

import pytest

from micronets.errors import FileError
from micronets.ir.layers import AssignVariable, Lookup, ReadVariable, Recurrent, UnidirectionalSequenceLstm
from micronets.ir.ops import operator
from micronets.tflite import read
from micronets.tflite.builder import LeanBuilder
from micronets.tflite.codec import Op, codec, encode_layer
from micronets.tflite.codec.op import WITHOUT_LAYERS, op_name
from tests.support.edited import edited
from tests.support.one_of_each import LAYERS
from tests.support.stateful import streaming


def test_every_operator_is_written_under_the_name_of_its_record() -> None:
    written = {encode_layer(layer, LeanBuilder()).op for layer in LAYERS}
    assert written == set(Op) - {*WITHOUT_LAYERS}
    assert all(op_name(encode_layer(layer, LeanBuilder()).op) == operator(layer).tflite_name for layer in LAYERS)


def test_the_file_holds_the_inputs_weights_and_constants_of_the_record() -> None:
    for layer in LAYERS:
        facts, found = operator(layer), codec(encode_layer(layer, LeanBuilder()).op)
        count = len(layer.inputs) + len(facts.constants) + (0 if facts.weights is None else 2)
        count += isinstance(layer, ReadVariable | AssignVariable)  # the tensor that stands for the variable
        count += facts.tflite_name == "PADV2"  # the code of the padding
        count += isinstance(layer, Recurrent)  # a variable of its own
        count += 10 if isinstance(layer, UnidirectionalSequenceLstm) else 0  # a second one, and 9 that are left out
        assert count in found.inputs, layer
        left_out = 3 if found.optional else 0
        activations = slice(None) if isinstance(layer, Lookup) else found.activations  # GATHER's places may be constant
        assert len(range(count)[activations]) == len(layer.inputs) + left_out
        assert len(layer.outputs) in found.outputs


def test_names_of_numbers() -> None:
    assert [op_name(n) for n in (3, 117, 9999)] == ["CONV_2D", "HARD_SWISH", "operator 9999"]


def test_too_few_inputs_are_told_also_where_constants_are_assigned_before_the_first_inference() -> None:
    def leave_one_out(model: Any) -> None:
        assign = model.subgraphs[1].operators[-1]
        assign.inputs = assign.inputs[:1]

    data = edited(streaming(1), leave_one_out)
    with pytest.raises(FileError, match=r"subgraph 1: operator 3 \(ASSIGN_VARIABLE\): .*, 1 inputs instead of 2;"):
        read(data)


@pytest.mark.parametrize("number", [-1, 0, 2])
def test_variables_are_filled_by_a_subgraph_that_is_there(number: int) -> None:
    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        (once,) = (o for o in graph.operators if model.operatorCodes[o.opcodeIndex].builtinCode == Op.CALL_ONCE)
        once.builtinOptions.initSubgraphIndex = number

    with pytest.raises(FileError, match=rf"\(CALL_ONCE\): damaged \.tflite, it runs subgraph {number} of 2;"):
        read(edited(streaming(1), change))
