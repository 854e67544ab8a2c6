"""How the layers of a network are computed: one file for each family of kernels, beside which csrc holds their C.

`choose` picks the `Kernel` of each layer for a target. The planner of the arena asks that object for scratch memory and
for how far the output may overlap the input; the generator asks the same object for constants and call.
"""
