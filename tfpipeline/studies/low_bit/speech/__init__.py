"""Recognizers of spoken sentences with few bits: what they train on, and how."""
