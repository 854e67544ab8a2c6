"""`Number`: the type of a cost, an integer or a value with a gradient."""

from typing import Any

Number = Any
"""An int, a float or a 0-d tensor of torch. One cost function thus serves a network, whose sizes are integers, and a
distribution of networks, whose sizes are tensors with gradients."""
