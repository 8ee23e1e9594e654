"""Corpora of spoken sentences: how they are laid out, their texts, read as features."""
