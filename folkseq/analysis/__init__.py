"""Analysis of trained networks: selectivity of neurons, saturation of gates, gradient flow."""
