"""TensorFlow Lite Micro, on the host and as firmware."""
