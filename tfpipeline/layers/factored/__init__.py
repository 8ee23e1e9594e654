"""Matrices that are products of factors, and the dense layer of one.

Nothing here knows a recurrent cell.
"""
