"""What exports cost and lose: the matrix of models and modes, accuracy, time and speed."""
