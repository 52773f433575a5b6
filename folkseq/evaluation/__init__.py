"""What a model is worth: one file a family of metrics."""
