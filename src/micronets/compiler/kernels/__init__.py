"""Kernels, which compute the layers of a network: a file here for each family, with its C in csrc.

`choose` picks the `Kernel` of each layer for a target. The planner of the arena asks that object for scratch memory and
for how far the output may overlap the input; the generator asks the same object for constants and call.
"""
