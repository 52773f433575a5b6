"""Harmonise melodies and judge ensembles of players."""
