"""Requests signed with HMAC-SHA256: the secret never travels, the request cannot be changed, and no one can send it again.

The header is

    Authorization: PC1-HMAC-SHA256 Credential=<key id>, Timestamp=<seconds since 1970>, Nonce=<16 to 64 of A-Z a-z 0-9 _ ->,
        BodySHA256=<hexadecimal>, Signature=<hexadecimal>

and the signature is the HMAC-SHA256, under the secret's characters, of eight lines joined by line feeds: see `canonical`.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.errors import TokenRefused

SCHEME = "PC1-HMAC-SHA256"
TOLERANCE = timedelta(minutes=5)
"""How far the sender's clock may be off."""
_HEADER = re.compile(
    r"PC1-HMAC-SHA256 Credential=(?P<key_id>pck_[a-z2-7]{16}), ?Timestamp=(?P<timestamp>[0-9]{1,12}), ?"
    r"Nonce=(?P<nonce>[A-Za-z0-9_-]{16,64}), ?BodySHA256=(?P<body_sha256>[0-9a-f]{64}), ?Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What is known of a request before its body.

    Attributes:
        method: In capitals.
        path: As it was sent, percent signs and all.
        query: As it was sent, without the question mark.
        content_type: As it was sent, "" for none.
        authorization: Likewise.
        api_key: The header X-Api-Key, "" for none.
        session: The secret of a session's cookie, "" for none.
        csrf_token: The header X-CSRF-Token, "" for none.
    """

    method: str
    path: str
    query: str
    content_type: str = ""
    authorization: str = ""
    api_key: str = ""
    session: str = ""
    csrf_token: str = ""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """What the header of a signed request says."""

    key_id: str
    timestamp: int
    nonce: str
    body_sha256: str
    signature: str


def is_signed(authorization: str) -> bool:
    """Says whether a request means to be signed."""
    return authorization.partition(" ")[0] == SCHEME


def signed_head(authorization: str) -> SignedHead:
    """Returns what the header of a signed request says.

    Raises:
        TokenRefused: SIGNATURE_MALFORMED.
    """
    match = _HEADER.fullmatch(authorization)
    if match is None:
        raise TokenRefused("SIGNATURE_MALFORMED")
    return SignedHead(match["key_id"], int(match["timestamp"]), match["nonce"], match["body_sha256"], match["signature"])


def canonical(head: RequestHead, timestamp: int, nonce: str, body_sha256: str) -> str:
    """Returns the text that is signed: scheme, method, path, query, Content-Type, timestamp, nonce and the body's SHA-256.

    >>> canonical(RequestHead("GET", "/v1/parks", "page_size=2"), 1790000000, "n" * 16, "0" * 64).split("\\n")[:5]
    ['PC1-HMAC-SHA256', 'GET', '/v1/parks', 'page_size=2', '']
    """
    return "\n".join((SCHEME, head.method, head.path, head.query, head.content_type, str(timestamp), nonce, body_sha256))


def signature(secret: bytes, text: str) -> str:
    """Returns the HMAC-SHA256 in lower-case hexadecimal."""
    return hmac.new(secret, text.encode("latin-1"), hashlib.sha256).hexdigest()


def check(head: RequestHead, signed: SignedHead, secret: bytes, now: datetime) -> None:
    """Passes when the request was signed with the secret within the tolerance of now.

    Raises:
        TokenRefused: SIGNATURE_INVALID, or SIGNATURE_TOO_OLD with the time of this side.
    """
    expected = signature(secret, canonical(head, signed.timestamp, signed.nonce, signed.body_sha256))
    if not hmac.compare_digest(expected, signed.signature):
        raise TokenRefused("SIGNATURE_INVALID")
    if abs(signed.timestamp - now.timestamp()) > TOLERANCE.total_seconds():
        allowed = f"{int(now.timestamp())} ± {int(TOLERANCE.total_seconds())}"
        raise TokenRefused("SIGNATURE_TOO_OLD", found=str(signed.timestamp), allowed=allowed)
