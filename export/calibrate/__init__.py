"""Runs samples through float graphs and observes what passes there."""
