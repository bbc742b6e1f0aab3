"""Encrypts or digests data that a copy of the database must not reveal, with keys derived from the server's secret."""

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

NONCE_BYTES: Final = 12


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


def seal_bytes(purpose: str, data: bytes, place: str) -> bytes:
    """Encrypts ``data`` with AES-256-GCM, 28 bytes longer; only the same purpose and ``place`` can unseal it.

    The place is the row that it belongs to: copied to another row, it is unreadable.
    """
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(settings.SECRET_KEY, purpose).encrypt(nonce, data, place.encode())


def unseal_bytes(purpose: str, sealed: bytes, place: str) -> bytes:
    """Raises Unreadable."""
    cipher = _cipher(settings.SECRET_KEY, purpose)
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):
        raise Unreadable from None


@lru_cache(8)
def _cipher(secret: str, purpose: str) -> AESGCM:
    """Cached, because deriving the key takes ten times as long as unsealing a vector."""
    return AESGCM(_key(purpose))


def keyed_digest(purpose: str, text: str) -> str:
    """A keyed hash of ``text``, 64 hex digits; the same for the same text and purpose.

    A plain hash would not hide a name, because anyone can hash a list of names.
    """
    return hmac.new(_key(purpose), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _box(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_key(purpose)))


def _key(purpose: str) -> bytes:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"xcloud", info=purpose.encode())
    return derived.derive(settings.SECRET_KEY.encode())
