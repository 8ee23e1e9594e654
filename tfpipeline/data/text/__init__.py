"""Text for language models: numbers of words or characters, and batches that carry states on."""
