"""What a network costs: operations, memory, size, time; the same functions for numbers and for gradients."""
