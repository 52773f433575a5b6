"""Trained models as ONNX graphs, built from their weights without PyTorch."""
