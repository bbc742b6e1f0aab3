"""Pure vision: bytes in, described faces out. Imports no Django."""
