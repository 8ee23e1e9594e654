"""Makes a quantized graph of a float graph, op by op."""
