"""Bearer tokens: random secrets of at least 256 bits, of which only the SHA-256 is ever stored.

A fast hash is right here: a secret of 256 random bits cannot be guessed however fast the guesses are, unlike a password.
"""

import hashlib
import re
from dataclasses import dataclass

from gateway.domain.callers import Caller
from gateway.domain.errors import TokenRefused

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9\-._~+/]{1,8192}={0,2})", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token gives: the caller that it stands for.

    Attributes:
        sha256: Lower-case hexadecimal SHA-256 of the token.
        caller: Whom the token stands for.
    """

    sha256: str
    caller: Caller

    def __post_init__(self) -> None:
        if _SHA256.fullmatch(self.sha256) is None:
            raise ValueError("sha256 must be 64 lower-case hexadecimal digits")


def digest(token: str) -> str:
    """Returns the lower-case hexadecimal SHA-256 of a token.

    >>> digest("abc")
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    """
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def token_of(authorization: str | None) -> str:
    """Returns the token of an Authorization header (RFC 6750 section 2.1).

    Raises:
        TokenRefused: TOKEN_MISSING without a header, TOKEN_MALFORMED for another scheme or form.
    """
    if not authorization:
        raise TokenRefused("TOKEN_MISSING")
    match = _BEARER.fullmatch(authorization)
    if match is None:
        raise TokenRefused("TOKEN_MALFORMED")
    return match[1]
