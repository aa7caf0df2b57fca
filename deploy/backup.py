"""Saves the databases of every service, and restores them into empty ones.

Usage: backup.py save FOLDER | backup.py restore FOLDER

The databases are those of the services' own variables: a dump is made as the role of ACCOUNTING_DATABASE__URL,
EVALUATION_DATABASE__URL and GATEWAY_DATABASE__URL, a restore as the owner of the tables where …_DATABASE__OWNER_URL name one.
pg_dump and pg_restore are on PATH. docs/operations.md says when to run it, and what to do with the broker after a restore.
"""

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

# Who listens comes before whom it listens to: what was told in between is heard again after a restore. The other way round the
# gateway would tell of records that the restored account does not have.
SERVICES = ("gateway", "evaluation", "accounting")
MANIFEST = "backup.json"
# Row-level security holds for a dump as for every session. It is one of the platform's own works, which see every row; pg_dump
# refuses to run behind a wall unless it is told that this is meant.
OWN_WORK = "-c parkcarbon.platform=backup"


def connection(service: str, *, owner: bool = False) -> dict[str, str]:
    """Returns the environment that leads PostgreSQL's programs to a service's database; a command line would show the password."""
    variable = f"{service.upper()}_DATABASE__OWNER_URL"
    if not owner or variable not in os.environ:
        variable = f"{service.upper()}_DATABASE__URL"
    url = urlsplit(os.environ.get(variable, ""))
    if url.scheme != "postgresql":
        sys.exit(f"{variable} has to be a postgresql:// url")
    given = {
        "PGHOST": url.hostname,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.path.removeprefix("/"),
        "PGOPTIONS": " ".join([*parse_qs(url.query).get("options", []), OWN_WORK]),
    }
    return os.environ | {name: unquote(value) for name, value in given.items() if value}


def digest(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save(folder: Path) -> None:
    """Writes a dump per service, and what they are; the manifest comes last, so a folder with one is complete."""
    folder.mkdir(parents=True)
    manifest = {}
    for service in SERVICES:
        begun = datetime.now(UTC).isoformat(timespec="seconds")
        file = folder / f"{service}.dump"
        command = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--enable-row-security", f"--file={file}"]
        subprocess.run(command, env=connection(service), check=True)  # noqa: S603 - PostgreSQL's own program
        manifest[service] = {"begun": begun, "bytes": file.stat().st_size, "sha256": digest(file)}
        print(f"{service}: {file.stat().st_size} bytes, begun {begun}")
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def restore(folder: Path) -> None:
    """Fills empty databases with the dumps of a folder, each in one transaction: it is whole, or still empty."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for service in SERVICES:
        if digest(folder / f"{service}.dump") != manifest[service]["sha256"]:
            sys.exit(f"{folder / service}.dump is not what was saved")
    for service in SERVICES:
        environment = connection(service, owner=True)
        command = ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        command += [f"--dbname={environment['PGDATABASE']}", str(folder / f"{service}.dump")]
        subprocess.run(command, env=environment, check=True)  # noqa: S603 - PostgreSQL's own program
        print(f"{service}: restored as of {manifest[service]['begun']}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("save", "restore"):
        sys.exit(__doc__)
    try:
        {"save": save, "restore": restore}[sys.argv[1]](Path(sys.argv[2]))
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"{sys.argv[1]} failed: {error}")
