"""Character language models with few bits: what they train on, and how."""
