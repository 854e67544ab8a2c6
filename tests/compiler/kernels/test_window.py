"""How far the output of a sliding window may overlap its input, against a walk over every byte that is read."""

import itertools

import pytest

from micronets.compiler.kernels.window import window_overlap
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D
from micronets.ir.window import Window


def spoils(step: Step, window: Window, below: int, by_channel: bool, together: int) -> bool:
    """Tells whether a byte of the input is overwritten before it is read for the last time.

    The output begins `below` bytes before the input and is written from its first byte on.
    """
    (height, width, channels), (_, columns, filters) = step.input_shapes[0], step.output_shape
    top, left = window.before(step.input_shapes[0])
    for n, (y, x) in enumerate(itertools.product(range(step.output_shape[0]), range(columns))):
        rows = (y * window.stride[0] - top + i * window.dilation[0] for i in range(window.kernel[0]))
        taps = [x * window.stride[1] - left + i * window.dilation[1] for i in range(window.kernel[1])]
        read = [(r * width + k) * channels for r in rows for k in taps if 0 <= r < height and 0 <= k < width]
        if by_channel:  # an output code is written when its own channel has been read
            at = [(n * filters + c, i + c) for i in read for c in range(channels)]
        else:  # the outputs of all pixels that are computed together may be written first
            at = [((n + together) * filters, i) for i in read]
        if any(below + i < written for written, i in at):
            return True
    return False


@pytest.mark.parametrize(("by_channel", "together"), [(True, 1), (False, 1), (False, 2)])
def test_the_output_lies_as_far_below_as_it_must_and_no_further(by_channel: bool, together: int) -> None:
    sizes = ((1, 1), (3, 2), (5, 4))
    for size, kernel, stride, padding, channels, filters, dilation in itertools.product(
        sizes, ((1, 1), (2, 3), (3, 1)), ((1, 1), (2, 1), (2, 3)), ("same", "valid"), (1, 3), (1, 3, 5), (1, 2)
    ):
        window = Window(kernel, stride, (dilation, dilation), padding)
        if min(window.out(size)) < 1 or (by_channel and filters != 1):
            continue
        options = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": (dilation, dilation)}
        layer = (
            DepthwiseConv2D(name="y", inputs=(INPUT,), **options)
            if by_channel
            else Conv2D(name="y", inputs=(INPUT,), filters=filters, **options)
        )
        (step,) = Arch((*size, channels), (layer,)).steps()
        below = window_overlap(step, window, by_channel=by_channel, together=together).below
        assert below is not None
        assert not spoils(step, window, below, by_channel, together), (layer, size)
        if below and dilation == 1:  # a dilated window is taken for one that begins at the map's edge
            assert spoils(step, window, below - 1, by_channel, together), (layer, size)
