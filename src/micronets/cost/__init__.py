"""The costs of a network: operations, memory, size and time, as functions of integers or of torch tensors."""
