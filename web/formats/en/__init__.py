"""How dates look in English."""
