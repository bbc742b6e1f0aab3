"""How dates look in Chinese."""
