"""Training and evaluation of the attribute nets. Nothing that serves imports this package."""
