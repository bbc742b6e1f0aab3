"""The browser interface: pages, admin, template tags, and the words that people read."""
