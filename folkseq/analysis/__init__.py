"""Measure what the cells of a trained network encode and how far its gradients flow."""
