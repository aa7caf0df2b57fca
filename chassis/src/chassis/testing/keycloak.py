"""A real Keycloak for tests: the server's distribution, in development mode, with a realm of the test's own, on a free port.

The distribution (147 MB) comes from Maven once and stays in `~/.cache/parkcarbon/keycloak`; where nothing can be fetched,
`PARKCARBON_KEYCLOAK` names the folder of an unpacked one.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

VERSION: Final = "26.0.8"
"""The last that runs on Java 17."""

ADMIN: Final = "admin"
"""Name and password of the administrator."""

_START_SECONDS: Final = 600.0
"""It builds itself at its first start, for a minute of a processor, and five on a machine that is busy."""


class KeycloakMissing(Exception):
    """Keycloak cannot be run here; the sentence says what is missing and how to get it."""


class KeycloakServer:
    """A running server.

    Attributes:
        url: Of the root, such as http://127.0.0.1:38080.
    """

    def __init__(self, url: str) -> None:
        """Stores where it is."""
        self.url = url

    def issuer(self, realm: str) -> str:
        """Returns the name of a realm as an issuer."""
        return f"{self.url}/realms/{realm}"


@contextmanager
def running_keycloak(realm: Mapping[str, Any]) -> Iterator[KeycloakServer]:
    """Runs a server with one realm for the length of the block.

    Args:
        realm: As Keycloak exports one; `realm` is its name.

    Raises:
        KeycloakMissing: If it cannot be run here.
    """
    distribution = keycloak_distribution()
    with tempfile.TemporaryDirectory(prefix="keycloak-", ignore_cleanup_errors=True) as name:
        home = Path(name, "home")
        shutil.copytree(distribution, home)
        (home / "data" / "import").mkdir(parents=True)
        (home / "data" / "import" / "realm.json").write_text(json.dumps(realm), encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port: int = listener.getsockname()[1]
        log = Path(name, "server.log")
        with log.open("wb") as output:
            server = subprocess.Popen(  # noqa: S603 - Keycloak
                [str(home / "bin" / "kc.sh"), "start-dev", "--http-host=127.0.0.1", f"--http-port={port}", "--import-realm"],
                env=os.environ
                | {
                    "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
                    "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
                    "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                # The script starts Java, and both have to end.
                start_new_session=True,
            )
        try:
            started = KeycloakServer(f"http://127.0.0.1:{port}")
            _await(server, f"{started.issuer(str(realm['realm']))}/.well-known/openid-configuration", log)
            yield started
        finally:
            # one that ended by itself says why: that its group is gone must not hide it
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def _await(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5.0):  # noqa: S310 - on this machine
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise KeycloakMissing(f"Keycloak does not start: {log.read_text(errors='replace')[-1000:]}") from None
            time.sleep(0.2)


def keycloak_distribution() -> Path:
    """Returns the folder of the unpacked distribution, fetched by Maven if it is not there.

    Raises:
        KeycloakMissing: If it is not there and cannot be fetched.
    """
    if shutil.which("java") is None:
        raise KeycloakMissing("Keycloak needs `java`, 17 or newer, which is not installed: apt-get install openjdk-17-jre-headless")
    named = os.environ.get("PARKCARBON_KEYCLOAK")
    if named:
        if not Path(named, "bin", "kc.sh").exists():
            raise KeycloakMissing(f"PARKCARBON_KEYCLOAK names {named}, which holds no bin/kc.sh")
        return Path(named)
    folder = Path.home() / ".cache" / "parkcarbon" / "keycloak"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # Tests run in several processes, and one of them fetches.
        fcntl.flock(lock, fcntl.LOCK_EX)
        home = folder / f"keycloak-{VERSION}"
        if not home.is_dir():
            maven = shutil.which("mvn")
            if maven is None:
                raise KeycloakMissing("Keycloak needs `mvn`, which is not installed: apt-get install maven")
            draft = folder / "draft"
            artifact = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
            fetch = [maven, "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={draft}"]
            done = subprocess.run(fetch, cwd=folder, check=False, capture_output=True, text=True)  # noqa: S603 - Maven
            if done.returncode != 0:
                raise KeycloakMissing(f"Maven could not fetch Keycloak: {done.stdout[-500:]}")
            with tarfile.open(draft / f"keycloak-quarkus-dist-{VERSION}.tar.gz") as archive:
                archive.extractall(draft, filter="data")
            (draft / home.name).rename(home)
            shutil.rmtree(draft)
    return home
