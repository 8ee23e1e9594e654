"""What the study of language models trains and tests: texts, models, runs and their pool."""
