"""Checks receipts of erasure."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cv.trust.receipts import is_genuine, key_id, public_key, receipts_in


class Command(BaseCommand):
    help = "Checks that receipts of erasure are genuine: signed by this server's key, or by the given one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="the JSON answer of the erase request, or the list of receipts from the admin"
        )
        parser.add_argument("--key", type=Path, help="a public key in PEM, as /api/v1/receipt-keys publishes it")

    def handle(self, *args: Any, file: Path, key: Path | None, **options: Any) -> None:
        verifier: Any = public_key() if key is None else load_pem_public_key(key.read_bytes())
        if not isinstance(verifier, Ed25519PublicKey):
            raise CommandError(f"{key} holds no Ed25519 public key")
        try:
            document = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be read as JSON: {error}") from None
        receipts = receipts_in(document)
        if not receipts:
            raise CommandError("not genuine: there is no receipt in it")
        for number, signed in enumerate(receipts, start=1):
            if not is_genuine(signed, verifier):
                which = "this receipt" if len(receipts) == 1 else f"receipt {number} of {len(receipts)}"
                raise CommandError(f"not genuine: key {key_id(verifier)} did not sign {which}")
        many = f"{len(receipts)} receipts, each " if isinstance(document, list) else ""
        self.stdout.write(f"genuine: {many}signed by key {key_id(verifier)}")
