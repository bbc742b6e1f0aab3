"""Labels that people give faces: which are possible, how right the answers were, and a table for ``training``."""
