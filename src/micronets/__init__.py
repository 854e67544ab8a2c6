"""micronets: neural networks designed for, and deployed on, microcontrollers."""

__version__ = "0.1.0"
