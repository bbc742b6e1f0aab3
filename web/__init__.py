"""The browser: pages, admin, template tags, and the words that people read."""
