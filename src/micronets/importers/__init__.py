"""Trained float networks of other tools: read, quantised after training, and compared with what they were."""
