"""Passwords under argon2id (RFC 9106)."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_AT_ONCE = 2


class Argon2Passwords:
    """Passwords over argon2-cffi with the parameters of RFC 9106 for little memory: 64 MiB, three passes, four lanes.

    Each hash takes that memory, so that few are computed at once: sign-ins wait for each other, and never for other requests.
    """

    def __init__(self, hasher: PasswordHasher) -> None:
        """Makes the hash that unknown logins are compared with."""
        self._hasher = hasher
        self._nobodys = hasher.hash("nobody has this password")
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """Returns the hash of a password, with a salt of its own."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, hashed: str) -> bool:
        """Says whether a hash is of this password; as slow for "" as for any hash, so that time tells nothing."""
        async with self._room:
            return await asyncio.to_thread(self._fits, password, hashed or self._nobodys) and bool(hashed)

    def _fits(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (Argon2Error, InvalidHashError):
            return False
