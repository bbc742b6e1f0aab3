"""Labelled tables to chips, labels and batches."""
