"""Float graphs, as the converter writes them, as data."""
