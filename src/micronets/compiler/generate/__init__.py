"""The text of the generated files."""
