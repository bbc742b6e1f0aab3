"""For receivers of webhooks: did XCloud send this, and just now?"""

import hashlib
import hmac
import time


def webhook_is_genuine(
    secret: str, signature: str, body: bytes, tolerance_s: float = 300, now: float | None = None
) -> bool:
    """``signature`` is the header ``X-XCloud-Signature``, ``body`` the bytes as they came in.

    An old one is refused, so that a recorded post cannot be played again.
    """
    parts = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
    moment, digest = parts.get("t", ""), parts.get("v1", "")
    if not (moment.isascii() and moment.isdigit()):
        return False
    expected = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    recent = abs((time.time() if now is None else now) - int(moment)) <= tolerance_s
    return recent and hmac.compare_digest(digest.encode(), expected.encode())
