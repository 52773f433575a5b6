"""Evaluation of a trained run: one module for each family of metrics, and the verb `evaluate`.

Each metric module documents its task, source and conventions. It contains `validate`, which raises ValueError for
invalid arguments, the metrics, and `evaluate`, which returns all metrics by name.
"""
