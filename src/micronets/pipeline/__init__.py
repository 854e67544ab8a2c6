"""A run: its configuration, its directory, and its stages from search to report."""
