"""Studies of FastRNN and FastGRNN: Kusupati et al. (2018), and what its reviews asked for."""
