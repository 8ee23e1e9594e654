"""Studies of smaller embeddings and of learning rates: Acharya et al. (2019), and rivals."""
