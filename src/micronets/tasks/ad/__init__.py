"""Anomaly detection in machine sounds."""
