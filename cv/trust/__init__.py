"""Who asks, what is sealed, and what is signed."""
