"""Integer networks: their arithmetic, and the numpy interpreter that defines what is correct."""
