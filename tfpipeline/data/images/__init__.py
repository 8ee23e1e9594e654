"""Pictures of digits read pixel by pixel, as sequences."""
