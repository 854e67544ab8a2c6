"""The design half: search, training, quantisation and export. Only these modules, and those that read a
module of PyTorch, need torch.
"""
