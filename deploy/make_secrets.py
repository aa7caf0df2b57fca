#!/usr/bin/env python3
"""Makes the passwords, tokens and keys of one deployment: usage: make_secrets.py [FOLDER]; without one, deploy/secrets.

Writes one file of variables per service, so that none is told the secrets of another, and `connection.json`, which the
`parkcarbon` command reads. Only digests of the tokens go to the gateway. Files that are there stay as they are.
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

DATABASES = ("accounting", "evaluation", "gateway")
ROLES = ("platform_operator", "park_manager", "reader")
TENANT = "main"
URL = "http://127.0.0.1:8080"


def write_private(path: Path, content: str) -> None:
    """Writes a new file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)


def variables(values: dict[str, str]) -> str:
    """Returns a file of variables, one a line."""
    return "".join(f"{name}={value}\n" for name, value in values.items())


def make(folder: Path) -> None:
    """Makes everything anew in an empty or absent folder.

    Raises:
        FileExistsError: It holds secrets already.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / ".gitignore", "*\n")
    superuser = secrets.token_urlsafe(24)
    passwords = {name: secrets.token_urlsafe(24) for name in DATABASES}
    owners = {name: secrets.token_urlsafe(24) for name in DATABASES}
    tokens = {role: secrets.token_urlsafe(32) for role in ROLES}
    grants = [
        {
            "sha256": hashlib.sha256(token.encode()).hexdigest(),
            "subject": role.replace("_", "-"),
            "tenant": TENANT,
            "roles": [role],
        }
        for role, token in tokens.items()
    ]
    write_private(folder / "postgres.env", variables({"POSTGRES_PASSWORD": superuser}))
    prepare = {
        "PREPARE_POSTGRES": f"postgresql://postgres:{superuser}@postgres/postgres",
        "PREPARE_DATABASES": ",".join(f"{name}:{passwords[name]}:{owners[name]}" for name in DATABASES),
    }
    write_private(folder / "prepare.env", variables(prepare))
    for name, password in passwords.items():
        values = {
            f"{name.upper()}_DATABASE__URL": f"postgresql://{name}:{password}@postgres/{name}",
            f"{name.upper()}_DATABASE__OWNER_URL": f"postgresql://{name}_owner:{owners[name]}@postgres/{name}",
        }
        if name == "gateway":
            values["GATEWAY_BOOTSTRAP_TOKENS"] = json.dumps(grants, separators=(",", ":"))
        write_private(folder / f"{name}.env", variables(values))
    connection = {"url": URL, "docs_url": f"{URL}/docs", "tokens": tokens, "pid": 0, "data": ""}
    write_private(folder / "connection.json", json.dumps(connection, indent=2) + "\n")
    key = openssl("genpkey", "-algorithm", "ed25519")
    write_private(folder / "caller-signing-key.pem", key)
    write_private(folder / "caller-verifying-key.pem", openssl("pkey", "-pubout", given=key))


def openssl(*arguments: str, given: str = "") -> str:
    """Returns what the program says; Python's own library knows no such keys."""
    command = ["openssl", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=given).stdout  # noqa: S603 - ours


def main() -> int:
    """Makes the secrets; says where."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "secrets"
    try:
        make(folder)
    except FileExistsError:
        print(f"{folder} holds secrets already; remove it to make new ones", file=sys.stderr)
        return 1
    print(f"made in {folder}; the tokens are in {folder / 'connection.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
