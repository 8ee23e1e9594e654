"""What recurrent layers do to gradients: bounds, and what is measured on sequences."""
