"""What studies that train on spoken sentences share: arrays, the loop with CTC, error rates."""
