"""HTTP to addresses that clients name: what may be asked, fetched and told."""
