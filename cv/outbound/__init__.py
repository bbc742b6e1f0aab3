"""HTTP to URLs that clients name: which hosts are allowed, fetching images, delivering webhooks."""
