"""Where tensors and scratch memory lie in the arena, and which layers run in patches so that it becomes smaller."""
