"""The text of the generated files: values of the compiler are printed here, and nowhere else."""
