"""Writes lowered graphs as one file, with its model card."""
