"""From a trained network to new sequences of ids, without torch."""
