"""Search spaces of the user's own: what is accepted, and that a mistake is told by file, line, what and way out."""

from pathlib import Path

import pytest

from micronets.commands.own_space import check, load_space, space_of
from micronets.errors import FileError, SpecError, UserCodeError
from micronets.ir import spaces
from micronets.ir.space import derive
from micronets.ir.spaces.inputs import features_inputs
from tests.support.own_space import GOOD, line_of


def written(directory: Path, text: str = GOOD, name: str = "my_space") -> str:
    path = directory / "my_space.py"
    path.write_text(text)
    return f"{path}:{name}"


def checked(text: str) -> None:
    """What a run does with a space's file: loads it, makes the space and checks its networks."""
    check(load_space(text).make("features", 3, height=8, width=6, channels=1), 3)


def test_a_good_space_has_its_options_and_networks(tmp_path: Path) -> None:
    space = load_space(written(tmp_path))
    assert space.own_options() == {"widest": 16, "kernels": (3, 5)}
    assert space.option_types("features")["kernels"] == tuple[int, ...]
    made = space.make("features", 3, height=8, width=6, channels=1, widest=8)
    assert made.choice("width").options == (4, 8)
    assert derive(made, made.largest()).output_shape == (3,)
    checked(written(tmp_path))


def test_our_own_spaces_keep_the_contract() -> None:
    for space in spaces.SPACES.values():
        check(space.make(space.kinds[0], 3), 3)


def test_a_function_of_the_program_is_a_space_and_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    scope: dict[str, object] = {}
    exec(compile(GOOD, "<shell>", "exec"), scope)
    check(space_of(scope["my_space"]).of(features_inputs(8, 6, 1), 3), 3)  # type: ignore[arg-type]
    assert load_space(written(tmp_path)).own_options()["widest"] == 16
    assert load_space(written(tmp_path, GOOD.replace("widest=16", "widest=12"))).own_options()["widest"] == 12


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_my_space.py").write_text("WIDEST = 8\n")
    text = GOOD.replace("widest=16", "widest=WIDEST").replace(
        "\n\n\ndef", "\nfrom beside_my_space import WIDEST\n\n\ndef", 1
    )
    assert load_space(written(tmp_path, text)).own_options()["widest"] == 8


TEMPLATE = f"{line_of('def template')}"
FUNCTION = f"{line_of('def my_space')}"
STEM = f"{line_of('stem = Conv2D')}"

CHOICES, LAST = line_of("tuple(range"), line_of("return Template")
END = f"{len(GOOD.splitlines()) + 2}"

MINE = f"FILE:{TEMPLATE}: space 'mine'"
FAILED = f"FILE:{STEM}: the template of space 'mine' failed"
RUNNING = "space.file: running the file failed"

CASES = {
    "raises when it is run": (
        GOOD + "\n1 / 0\n",
        f"FILE:{END}: {RUNNING}: ZeroDivisionError: division by zero; fix that line",
    ),
    "leaves the program": (
        GOOD + "\nraise SystemExit(3)\n",
        f"FILE:{END}: {RUNNING}: SystemExit: 3; fix that line",
    ),
    "is not Python": (
        GOOD.replace("return Template", "return return"),
        f"FILE:{LAST}: space.file is not Python (invalid syntax); fix that line",
    ),
    "has no such function": (
        GOOD.replace("def my_space", "def my_spaces"),
        "FILE: has no 'my_space', which space.file names; did you mean 'my_spaces'? known: my_spaces",
    ),
    "is no function": (
        "my_space = 3\n",
        "space.file = 'FILE:my_space': is of type int; need a function: ",
    ),
    "takes other arguments": (
        GOOD.replace("(inputs, classes, widest=16, kernels=(3, 5))", "(inputs, classes, widest, kernels=(3, 5))"),
        f"FILE:{FUNCTION}: takes (inputs, classes, widest, kernels); need two arguments, inputs and classes, then "
        "options: ",
    ),
    "has an option that TOML cannot give": (
        GOOD.replace("widest=16", "widest=None"),
        f"FILE:{FUNCTION}: option 'widest' is of type <class 'NoneType'>; allowed: bool, int, float, str, tuples of "
        "these",
    ),
    "has an option that is taken": (
        GOOD.replace("widest", "height"),
        f"FILE:{FUNCTION}: option 'height' has a name that inputs (ad, features) have already; give it another one",
    ),
    "returns nothing": (
        GOOD.replace("    return SearchSpace", "    SearchSpace"),
        f"FILE:{FUNCTION}: returns nothing (it has no return); need a SearchSpace: def my_space",
    ),
    "returns something else": (
        GOOD.replace('return SearchSpace("mine", choices, template)', "return choices"),
        f"FILE:{FUNCTION}: returns a value of type tuple; need a SearchSpace: def my_space",
    ),
    "raises in the function": (
        GOOD.replace("tuple(range(4, widest + 1, 4))", "tuple(range(4, widst + 1, 4))"),
        f"FILE:{CHOICES}: the function of space 'my_space' failed: NameError: name 'widst' is not defined; fix that "
        "line",
    ),
    "has no options for a choice": (
        GOOD.replace("tuple(range(4, widest + 1, 4))", "()"),
        f"{MINE}, choice 'width': options = (); need a tuple of different integers, at least one",
    ),
    "has an unknown kind of choice": (
        GOOD.replace('"width", "width"', '"width", "widths"'),
        f"{MINE}, choice 'width': kind = 'widths'; did you mean 'width'? known: bits, dilation, keep, kernel",
    ),
    "has bits that there are not": (
        GOOD.replace('"width", "width", tuple(range(4, widest + 1, 4))', '"width", "bits", (2, 4)'),
        f"{MINE}, choice 'width': options = (2, 4); a choice of kind bits has 4 and 8",
    ),
    "changes widths by a choice of bits": (
        GOOD.replace('"width", "width", tuple(range(4, widest + 1, 4))', '"width", "bits", (4, 8)'),
        f"{MINE}, choice 'width' = 4: changes filters of the Conv2D 'stem'; a choice of kind bits may "
        "change weight_bits, one of kind shape anything",
    ),
    "has an option called bits": (
        GOOD.replace("widest=16", "widest=16, bits=8"),
        f"FILE:{FUNCTION}: option 'bits' has a name that [space] has already; give it another one",
    ),
    "has options out of order": (
        GOOD.replace("tuple(range(4, widest + 1, 4))", "(8, 4)"),
        f"{MINE}, choice 'width': options = (8, 4); need them in ascending order",
    ),
    "has kernels of two parities": (
        GOOD.replace("(3, 5)", "(3, 4)"),
        f"{MINE}, choice 'kernel': options = (3, 4); need sizes that are all even or all odd",
    ),
    "asks for an unknown choice": (
        GOOD.replace('pick("width")', 'pick("widht")'),
        f"{FAILED}: no choice 'widht'; did you mean 'width'? known: deep, ",
    ),
    "raises in the template, in a function of a library": (
        GOOD.replace('filters=pick("width")', 'filters=int("x")'),
        f"{FAILED}: ValueError: invalid literal for int() with base 10: 'x'; fix that",
    ),
    "gives a layer an unknown field": (
        GOOD.replace("filters=", "filter="),
        f"{FAILED}: TypeError: Conv2D.__init__() got an unexpected keyword argument",
    ),
    "calls itself endlessly": (
        GOOD.replace("        stem = Conv2D", "        template(pick)\n        stem = Conv2D"),
        f"{FAILED}: RecursionError: maximum recursion depth exceeded",
    ),
    "returns layers in place of a template": (
        GOOD.replace("return Template(inputs.shape(pick), (Block", "return ((Block"),
        f"FILE:{TEMPLATE}: the template of space 'mine' returns a value of type tuple; need Template(input_shape, "
        "blocks)",
    ),
    "reads a layer that is not there": (
        GOOD.replace('inputs=("stem",)', 'inputs=("stm",)'),
        f"{MINE}, in its largest network: layer 'dw': input 'stm' is not 'input' nor an earlier layer; did you mean "
        "'stem'?",
    ),
    "has a shape that cannot be": (
        GOOD.replace('kernel=(3, 3), activation="relu")', 'kernel=(9, 9), padding="valid", activation="relu")'),
        f"{MINE}, in its largest network: layer 'stem': ",
    ),
    "fails for one option alone": (
        GOOD.replace("kernel=(3, 3)", 'kernel=(3, 3), stride=(1, 0 if pick("width") == 8 else 1)'),
        f"{MINE}, where width = 8 and the rest is the largest: layer 'stem': stride = (1, 0); need",
    ),
    "has a field of another type": (
        GOOD.replace("kernel=(3, 3)", 'kernel=(3, "3")'),
        f"{MINE}, in its largest network: layer 'stem': kernel = (3, '3'); need integers of at least 1",
    ),
    "has too few outputs": (
        GOOD.replace("units=classes", "units=2"),
        f"{MINE}, in its largest network: the network has an output of (2,); need 3, one for each class",
    ),
    "leaves out what changes the shape": (
        GOOD.replace("kernel=(pick", "stride=(2, 2), kernel=(pick"),
        f"{MINE}: block 'dw' may be left out (deep) but turns (8, 6, 16) into (4, 3, 16);",
    ),
    "names no choice for what may go": (
        GOOD.replace('keep="deep"', 'keep="width"'),
        f"{MINE}: block 'dw' has keep = 'width'; known: deep",
    ),
    "changes what a width cannot": (
        GOOD.replace("kernel=(3, 3)", 'kernel=(1 + 2 * (pick("width") > 8), 3)'),
        f"{MINE}, choice 'width' = 4: changes kernel of the Conv2D 'stem'; a choice of kind width may",
    ),
    "counts with a value between the options": (
        GOOD.replace("        pool = Mean", '        [None for _ in range(pick("width"))]\n        pool = Mean'),
        f"FILE:{line_of('pool = Mean')}: the template of space 'mine' failed: TypeError: 'float' object cannot be",
    ),
    "ends in a softmax": (
        GOOD.replace("Block((pool, logits))", 'Block((pool, logits, Softmax(name="s", inputs=("logits",))))').replace(
            "Mean\n", "Mean, Softmax\n"
        ),
        f"{MINE}, in its largest network: the last layer is a Softmax; ",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_by_file_line_what_and_the_way_out(case: str, tmp_path: Path) -> None:
    text, message = CASES[case]
    with pytest.raises(SpecError) as e:
        checked(written(tmp_path, text))
    assert str(e.value).startswith(message.replace("FILE", str(tmp_path / "my_space.py"))), str(e.value)
    assert "\n" not in str(e.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        FileError, match=r"space.file = 'none.py:f': cannot read none.py \(No such file .*; paths start at "
    ):
        load_space("none.py:f")
    written(tmp_path)
    with pytest.raises(
        UserCodeError, match=r"name what to take from the file, as '.*my_space.py:NAME'; it has my_space$"
    ):
        load_space(str(tmp_path / "my_space.py"))
    (tmp_path / "bytes.py").write_bytes(b"\xff\xff")
    with pytest.raises(FileError, match=r"bytes.py is not Python: not UTF-8 text"):
        load_space(f"{tmp_path / 'bytes.py'}:f")
