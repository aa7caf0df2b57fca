"""Secrets and ids that nobody can guess."""

import base64
from collections.abc import Callable


class RandomSecretGenerator:
    """A SecretGenerator over a source of random bytes."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        """Takes its bytes from `random_bytes`, which must be fit for secrets."""
        self._random_bytes = random_bytes

    def key_id(self) -> str:
        """Returns an id of 80 random bits."""
        return f"pck_{base64.b32encode(self._random_bytes(10)).decode().lower()}"

    def secret(self) -> str:
        """Returns 256 random bits as text."""
        return base64.urlsafe_b64encode(self._random_bytes(32)).rstrip(b"=").decode()
