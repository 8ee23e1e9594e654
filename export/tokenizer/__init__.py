"""Reads tokenizers of Keras and of the library `tokenizers`, and writes them as data."""
