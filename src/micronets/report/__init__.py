"""Pages and drawings about runs and characterisations, and the records that they are made from."""
