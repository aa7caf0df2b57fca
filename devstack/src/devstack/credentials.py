"""What a stack makes once and keeps: the pair of keys that callers are signed with, and a token per role."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from chassis.identity import generate_key_pair
from devstack.folder import write_private

ROLES = ("platform_operator", "park_manager", "reader")
TENANT = "demo"


@dataclass(frozen=True)
class Credentials:
    """Paths of the keys (PEM), and the tokens by role."""

    signing_key: Path
    verifying_key: Path
    tokens: dict[str, str]

    def grants(self) -> list[dict[str, object]]:
        """Returns what the gateway is told of the tokens: their digests and whom they stand for."""
        return [
            {
                "sha256": hashlib.sha256(token.encode()).hexdigest(),
                "subject": f"demo-{role.replace('_', '-')}",
                "tenant": TENANT,
                "roles": [role],
            }
            for role, token in self.tokens.items()
        ]


def load_or_make(folder: Path) -> Credentials:
    """Returns the credentials of a data folder, made at its first use.

    Raises:
        ValueError: The token file is there and is not what this function writes.
    """
    signing_key, verifying_key = folder / "caller-signing-key.pem", folder / "caller-verifying-key.pem"
    # statements signed with the old pair live for minutes only, so half a pair is made anew
    if not (signing_key.exists() and verifying_key.exists()):
        private_pem, public_pem = generate_key_pair()
        write_private(signing_key, private_pem)
        write_private(verifying_key, public_pem)
    return Credentials(signing_key, verifying_key, _tokens(folder / "tokens.json"))


def _tokens(path: Path) -> dict[str, str]:
    if not path.exists():
        write_private(path, json.dumps({role: secrets.token_urlsafe(32) for role in ROLES}, indent=2).encode())
    tokens = json.loads(path.read_bytes())
    if not isinstance(tokens, dict) or set(tokens) != set(ROLES) or not all(isinstance(v, str) for v in tokens.values()):
        raise ValueError(f"{path} must hold a token for each of {', '.join(ROLES)}; remove it to make new ones")
    return tokens
