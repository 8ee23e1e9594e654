"""Recurrent cells and their layers: what all of them share, and a file for each cell."""
