"""Reads Keras models, calls and traces them: the only folder that touches them."""
