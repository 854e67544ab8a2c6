"""Import of other tools' trained float networks: read, quantised after training, compared with the original."""
