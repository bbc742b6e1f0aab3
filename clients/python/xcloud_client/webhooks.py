"""Verifies that a webhook's request comes from XCloud and is recent."""

import hashlib
import hmac
import time


def webhook_is_genuine(
    secret: str, signature: str, body: bytes, tolerance_s: float = 300, now: float | None = None
) -> bool:
    """``signature`` is the header ``X-XCloud-Signature``, ``body`` the raw bytes of the request.

    A signature older than ``tolerance_s`` is refused, so that a recorded request cannot be replayed.
    """
    parts = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
    moment, digest = parts.get("t", ""), parts.get("v1", "")
    if not (moment.isascii() and moment.isdigit()):
        return False
    expected = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    recent = abs((time.time() if now is None else now) - int(moment)) <= tolerance_s
    return recent and hmac.compare_digest(digest.encode(), expected.encode())
