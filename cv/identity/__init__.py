"""Who is it: faces compared by their vectors, and what the comparison is worth."""
