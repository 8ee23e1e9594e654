"""Corpora that a speech synthesizer makes; no reader of corpora imports it."""
