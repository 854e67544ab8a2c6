"""The costs of a network: operations, memory, size and time, by functions of integers or of torch tensors."""
