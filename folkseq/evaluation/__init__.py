"""Evaluation of a trained run: one module for each family of metrics, and the verb `evaluate`.

A metric module states its task, source and conventions. It has `validate`, which raises ValueError for arguments that
make no sense, the metrics, and `evaluate`, which returns all of them by name.
"""
