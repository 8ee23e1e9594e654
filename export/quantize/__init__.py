"""Makes integers of arrays; knows no graph."""
