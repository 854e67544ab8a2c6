"""Networks that keep variables from one inference to the next."""

import numpy as np

from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights


def streaming(seed: int, blocks: int = 2) -> QuantizedModel:
    """Returns a network that sees a few new rows at a time, as those that listen for a wake word do.

    Each of its convolutions reads the rows that came before from a variable, and keeps the last ones of what it read.
    Every second variable begins with random codes, the others with zero points. The layers that assign are called as
    the reader calls them, since files have no name for them.
    """
    rng = np.random.default_rng(seed)
    rows, channels = int(rng.integers(1, 4)), int(rng.integers(1, 9))
    stack: list[Layer] = []
    source = INPUT
    for block in range(blocks):
        kept, name = int(rng.integers(1, 6)), f"block{block}"
        stack += [
            layers.ReadVariable(name=f"{name}/old", variable=f"{name}/state", shape=(kept, 1, channels)),
            layers.Concatenation(name=f"{name}/all", inputs=(f"{name}/old", source), axis=0),
            layers.Slice(name=f"{name}/new", inputs=(f"{name}/all",), begin=(rows, 0, 0), size=(kept, 1, channels)),
            layers.AssignVariable(
                name="assign_variable" + "_" * block, inputs=(f"{name}/new",), variable=f"{name}/state"
            ),
        ]
        window = (kept + 1, 1)
        if block % 2:
            stack.append(
                layers.DepthwiseConv2D(name=f"{name}/dw", inputs=(f"{name}/all",), kernel=window, padding="valid")
            )
            source = f"{name}/dw"
        else:
            channels = int(rng.integers(1, 9))
            convolution = layers.Conv2D(
                name=f"{name}/conv", inputs=(f"{name}/all",), filters=channels, kernel=window, padding="valid"
            )
            stack.append(convolution)
            source = f"{name}/conv"
    stack += [
        layers.Reshape(name="flat", inputs=(source,), shape=(rows * channels,)),
        layers.FullyConnected(name="out", inputs=("flat",), units=3),
    ]
    read = stack[0]
    assert isinstance(read, layers.ReadVariable)
    arch = Arch((rows, 1, read.shape[2]), tuple(stack))
    model = with_random_weights(arch, seed)
    initial = {
        name: rng.integers(-128, 128, spec.shape).astype(dtype_of(spec.type))
        for k, (name, spec) in enumerate(arch.variables().items())
        if k % 2 == 0
    }
    return QuantizedModel(arch, model.quant, model.weights, {}, {}, initial)


def counter() -> QuantizedModel:
    """Returns a network that keeps the last three values of its input and returns them, the oldest first."""
    stack = (
        layers.ReadVariable(name="old", variable="last", shape=(3, 1, 1)),
        layers.Concatenation(name="all", inputs=("old", INPUT), axis=0),
        layers.Slice(name="new", inputs=("all",), begin=(1, 0, 0), size=(3, 1, 1)),
        layers.AssignVariable(name="keep", inputs=("new",), variable="last"),
    )
    return with_random_weights(Arch((1, 1, 1), stack, output_names=("new",)), 0)
