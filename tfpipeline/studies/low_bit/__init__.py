"""Studies of recurrent layers with few bits: Hou et al. (2019), and what its reviews asked for."""
