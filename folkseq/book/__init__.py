"""Tune books: one HTML file with an index, scores and players, which works offline and is ready to print.

This package is optional: folkseq finds its verb as an entry point.
"""
