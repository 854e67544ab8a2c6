"""A simulated Cortex-M: instructions by Unicorn, cycles by models of the pipelines."""
