"""Reports on runs and characterisations: pages, drawings, and the records that they show."""
