"""`Number`: what a cost is counted in, as an integer or with a gradient."""

from typing import Any

Number = Any
"""An int, a float or a 0-d tensor: one function of it costs a network and, with gradients, a distribution of networks."""
