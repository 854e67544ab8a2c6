"""Plans the arena: addresses of tensors and scratch memory, and layers that run in patches to make it smaller."""
