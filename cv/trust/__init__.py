"""Who makes a request, sealing of secrets, and signed receipts."""
