"""A run: configuration, run directory, stages from search to report."""
