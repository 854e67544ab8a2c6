"""The design half: search, training, quantisation and export. The only folder that needs torch."""
