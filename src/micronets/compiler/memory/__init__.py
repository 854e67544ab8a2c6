"""Where tensors lie in the arena, and execution in patches."""
