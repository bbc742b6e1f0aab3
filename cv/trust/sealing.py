"""Encrypts, or digests, what nobody is to read out of a copy of the database: keys derived from the server's secret."""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """Sealed with another key (SECRET_KEY was changed), or changed since."""


def seal(purpose: str, text: str) -> str:
    """Encrypts ``text``; only the same ``purpose`` can unseal it."""
    return _box(purpose).encrypt(text.encode()).decode()


def unseal(purpose: str, sealed: str) -> str:
    """Raises Unreadable."""
    try:
        return _box(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


def keyed_digest(purpose: str, text: str) -> str:
    """64 digits that are the same for the same text, and from which nobody without the server's secret finds it out.

    A plain hash of a name is no secret: whoever has a list of names hashes them all.
    """
    return hmac.new(_key(purpose), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _box(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_key(purpose)))


def _key(purpose: str) -> bytes:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"xcloud", info=purpose.encode())
    return derived.derive(settings.SECRET_KEY.encode())
