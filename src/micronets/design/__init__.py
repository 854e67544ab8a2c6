"""The design half: search, training, quantisation and export, in PyTorch."""
