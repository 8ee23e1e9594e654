"""Folders of short clips, one word each: what is in them, read as features."""
