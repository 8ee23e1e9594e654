"""Reads and writes the bytes of `.tflite` files."""
