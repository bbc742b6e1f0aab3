"""The engines that requests are served with, and the gate before them."""
