"""A run: its configuration, its directory, and its stages from the search to the report."""
