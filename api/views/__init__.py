"""The endpoints: each validates, calls one service or selector, and serializes."""
