"""Adds one builtin op in any number format."""
