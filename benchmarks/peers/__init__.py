"""Compares XCloud with the usual Python stack on the same photos in the same run."""
