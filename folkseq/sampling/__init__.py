"""Sampling: new sequences of ids from a trained network, without torch."""
