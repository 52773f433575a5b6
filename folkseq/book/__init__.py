"""Tune books: one HTML file with an index, scores and players, which needs no network and prints well.

An optional package: a verb that is found as an entry point.
"""
