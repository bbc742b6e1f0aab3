"""The nets that recipes train, and the weights that they start from."""
