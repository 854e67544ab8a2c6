"""docs/operators.md is what the records and the compiler give, and its cases reach every operator and kernel."""

from pathlib import Path
from typing import get_args

from docs.make_operators import CASES, PAGE, REFUSED, compiled, page
from micronets.compiler.kernel_files import is_source, kernel_files, kernel_name
from micronets.ir.layers import Layer
from micronets.ir.ops import operator
from micronets.tflite.codec import Op
from micronets.tflite.codec.op import OTHER_OPS, WITHOUT_LAYERS, op_name

ROOT = Path(__file__).parents[2]


def test_the_page_is_the_one_of_today() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m docs.make_operators"


def test_every_kind_of_layer_and_every_operator_of_a_file_has_a_case() -> None:
    assert {type(case.layer) for case in CASES} == set(get_args(Layer))
    assert {operator(case.layer).tflite_name for case in CASES} == {op_name(op) for op in set(Op) - {*WITHOUT_LAYERS}}


def test_operators_that_are_told_to_be_refused_are_those_of_no_layer() -> None:
    assert not {op.name for op in Op}.intersection(REFUSED)
    assert set(REFUSED) <= {*OTHER_OPS.values()}, "a name that no operator of the format has"


def test_every_kernel_is_needed_by_a_case() -> None:
    files = {file for case in CASES for file in kernel_files(compiled(case)[1].sources)}
    needed = {kernel_name(file) for file in files if is_source(file)}
    names = [path.name for path in (ROOT / "src/micronets/compiler/csrc").rglob("*")]
    there = {kernel_name(file) for file in names if is_source(file)}
    no_layers = {"copy_words", "patch_keep_rows"}
    beside_others = {"average_map"}  # taken where the rest of a network takes far more cycles
    assert there - needed == no_layers | beside_others, "kernels that the table of docs/make_operators.py does not show"


def test_cases_that_the_numbers_decide_take_the_kernels_for_them() -> None:
    kernels = {case.when: compiled(case)[1].sources for case in CASES}
    assert "micronets_conv_odd" in kernels["a weight of -128 beside a negative one, other channels"]
    assert "micronets_conv_wide" in kernels["windows of about 2,000 values or more"]
