"""Kept files: where they are, what kind each is, and how they are stripped before they are kept."""
