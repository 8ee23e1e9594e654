"""Integer arithmetic in numpy: the executable spec of the native ops."""
