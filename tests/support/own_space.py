"""A search space as a user writes one, in a file of its own."""

GOOD = """\
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Mean
from micronets.ir.space import Block, Choice, SearchSpace, Template


def my_space(inputs, classes, widest=16, kernels=(3, 5)):
    choices = (
        *inputs.choices,
        Choice("width", "width", tuple(range(4, widest + 1, 4))),
        Choice("kernel", "kernel", kernels),
        Choice("deep", "keep", (0, 1)),
    )

    def template(pick):
        stem = Conv2D(name="stem", inputs=(INPUT,), filters=pick("width"), kernel=(3, 3), activation="relu")
        dw = DepthwiseConv2D(name="dw", inputs=("stem",), kernel=(pick("kernel"), 1), activation="relu")
        pool = Mean(name="pool", inputs=("dw",))
        logits = FullyConnected(name="logits", inputs=("pool",), units=classes)
        return Template(inputs.shape(pick), (Block((stem,)), Block((dw,), keep="deep"), Block((pool, logits))))

    return SearchSpace("mine", choices, template)
"""


def line_of(text: str) -> int:
    """Returns the number of the first line of GOOD that holds the text."""
    return next(i for i, line in enumerate(GOOD.splitlines(), 1) if text in line)
