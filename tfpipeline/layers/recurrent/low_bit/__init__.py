"""Recurrent cells of one, two or a few bits: quantized weights and normalized products."""
