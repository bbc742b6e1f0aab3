"""Measurements of speed and memory; nothing that serves imports this package."""
