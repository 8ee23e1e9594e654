"""Recordings of sensors that people wear, cut in windows: which activity each of them shows."""
