"""Secrets that the database keeps and must be read again: encrypted with AES-256-GCM under a key that is not in the database."""

import base64
import binascii
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"parkcarbon gateway: secrets in the database, 1"


class AesGcmCipher:
    """Encrypts under a key derived (HKDF-SHA256, RFC 5869) from a file that every replica has: the key that signs callers.

    With another file, what was encrypted before cannot be read again.
    """

    def __init__(self, key_file: bytes, random_bytes: Callable[[int], bytes]) -> None:
        """Derives the key.

        Args:
            key_file: At least 256 secret bits, in any form.
            random_bytes: Gives so many bytes that nobody can guess.
        """
        self._cipher = AESGCM(HKDF(hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(key_file))
        self._random_bytes = random_bytes

    def encrypt(self, secret: bytes, context: str) -> str:
        """Returns the secret, readable with the same context only."""
        nonce = self._random_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, secret, context.encode())).decode()

    def decrypt(self, sealed: str, context: str) -> bytes | None:
        """Returns the secret; None when it was encrypted under another key, or for another context."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
        except (InvalidTag, binascii.Error, ValueError):
            return None
