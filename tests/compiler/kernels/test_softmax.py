"""The softmax of two values, which is a table: every pair of codes, of scales from fine to coarse."""

from dataclasses import replace

import numpy as np

from micronets.compiler import compile_model
from micronets.device import host
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Softmax
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from tests.support.generated_c import STRICT, needs_host_compiler
from tests.support.random_models import random_model

SCALES = (0.001, 0.02, 0.11, 1.7)
PAIRS = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)), -1).astype(np.int8).reshape(1, -1, 2)


def network(scale: float, beta: float = 1.0) -> QuantizedModel:
    """Returns a softmax of 65,536 pairs."""
    model = random_model(Arch(PAIRS.shape[1:], (Softmax(name="y", inputs=(INPUT,), beta=beta),)), 1)
    return replace(model, quant={**model.quant, INPUT: TensorQuant(scale, 0)})


def test_every_pair_has_the_codes_of_the_reference() -> None:
    needs_host_compiler()
    models = [*map(network, SCALES), network(0.02, beta=2.5)]
    library = host.build_library([*map(compile_model, models)], ("-O1", *STRICT))
    for number, model in enumerate(models):
        want = reference.run(model, PAIRS)
        (found,) = library.outputs(number, PAIRS).values()
        assert np.array_equal(found, want), number
        assert len(np.unique(want)) > 1


def test_the_table_has_the_differences_that_matter_alone() -> None:
    """Those of a coarse scale are few; a fine one has all of them."""
    lengths = []
    for scale in SCALES:
        text = compile_model(network(scale)).files["model.c"]
        lengths.append(int(text.partition("static const int8_t table_0[")[2].partition("]")[0]))
        assert "exponentials" not in text
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > 400
    assert lengths[-1] < 16
