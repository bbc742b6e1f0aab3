"""Finds the nearest of many vectors. The rows in SQL are the truth; an index can be dropped and built again."""
