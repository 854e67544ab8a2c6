"""The design half: search, training, quantisation and export. Only it needs torch, and who reads its modules."""
