"""Serves images with the engines, and shares the engines fairly among callers."""
