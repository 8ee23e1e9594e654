"""Compares written files with Keras; writes none of the user's files."""
