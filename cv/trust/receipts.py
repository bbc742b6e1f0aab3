"""Signed receipts of erasure: how much was deleted and when, but nothing about the person."""

import base64
import hashlib
import json
import os
import tempfile
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

ALGORITHM: Final = "Ed25519"


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure removed."""

    at: datetime
    analyses: int
    faces: int
    pictures: int
    answers: int
    jobs: int = 0
    enrolled_faces: int = 0
    vectors: int = 0
    group_memberships: int = 0
    negatives: int = 0
    chips: int = 0


def sign_receipt(erased: Erased, receipt_id: uuid.UUID) -> dict[str, Any]:
    """The receipt with an Ed25519 signature over ``canonical(receipt)``."""
    key = _private_key()
    receipt = {
        "id": str(receipt_id),
        "type": "erasure",
        "erased_at": erased.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "deleted": {
            "analyses": erased.analyses,
            "faces": erased.faces,
            "pictures": erased.pictures,
            "remembered_answers": erased.answers,
            "jobs": erased.jobs,
            "enrolled_faces": erased.enrolled_faces,
            "vectors": erased.vectors,
            "group_memberships": erased.group_memberships,
            "negatives": erased.negatives,
            "chips": erased.chips,
        },
    }
    signature = base64.b64encode(key.sign(canonical(receipt))).decode()
    return {
        "receipt": receipt,
        "algorithm": ALGORITHM,
        "key_id": key_id(key.public_key()),
        "signature": signature,
    }


def canonical(receipt: dict[str, Any]) -> bytes:
    """The bytes that are signed: JSON with sorted keys, no spaces, ASCII only."""
    return json.dumps(receipt, sort_keys=True, separators=(",", ":")).encode()


def is_genuine(signed: Any, key: Ed25519PublicKey) -> bool:
    """Whether the key signed exactly this receipt, and the document has nothing else."""
    if not isinstance(signed, dict) or set(signed) != {"receipt", "algorithm", "key_id", "signature"}:
        return False
    if (signed["algorithm"], signed["key_id"]) != (ALGORITHM, key_id(key)):
        return False
    try:
        signature = base64.b64decode(signed["signature"], validate=True)
        key.verify(signature, canonical(signed["receipt"]))
    except (InvalidSignature, TypeError, ValueError):
        return False
    # Several base64 texts decode to the same bytes; only the canonical one is genuine.
    return bool(base64.b64encode(signature).decode() == signed["signature"])


def receipts_in(document: Any) -> list[Any]:
    """The receipts in a file: a single receipt, or each of a list."""
    return document if isinstance(document, list) else [document]


def public_key() -> Ed25519PublicKey:
    """The key that this server's receipts are verified with."""
    return _private_key().public_key()


def public_pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 digits of the SHA-256 of the 32 bytes of the key."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def _private_key() -> Ed25519PrivateKey:
    file: Path = settings.XCLOUD_RECEIPT_KEY_FILE
    if not file.exists():
        _make_key(file)
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file} has no Ed25519 key")
    return key


def _make_key(file: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    # A link fails if the file exists: if several processes start together, all use the key of the first one.
    handle, draft = tempfile.mkstemp(dir=file.parent)  # mkstemp gives mode 0600
    try:
        with os.fdopen(handle, "wb") as open_file:
            open_file.write(pem)
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
