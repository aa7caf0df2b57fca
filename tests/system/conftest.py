"""A platform as a user starts it: the `parkcarbon up` of this checkout, in a process of its own, on a fresh data folder.

Where PARKCARBON_TEST_CONNECTION names a connection file, that platform is tested instead, such as one in containers, and what would
kill it is left out.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

ELSEWHERE = os.environ.get("PARKCARBON_TEST_CONNECTION")
COMMAND = Path(sys.executable).parent / "parkcarbon"
START_SECONDS = 60


@dataclass
class Platform:
    """A running `parkcarbon up`, which can be killed and started again on the same data."""

    data: Path
    process: subprocess.Popen[str] | None = None
    connection: dict[str, Any] = field(default_factory=dict)
    port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """What the command is told: this data folder, the port or any that is free, English."""
        names = ("PATH", "HOME", "SSL_CERT_FILE")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return kept | {
            "PARKCARBON_DATA": str(self.data),
            "PARKCARBON_PORT": str(self.port),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self) -> "Platform":
        """Starts, and returns once the platform says where it is and answers."""
        file = self.data / "connection.json"
        file.unlink(missing_ok=True)
        log = (self.data.parent / f"{self.data.name}.log").open("a", encoding="utf-8")
        self.process = subprocess.Popen(
            [COMMAND, "up"], env=self.environment, stdout=log, stderr=log, text=True, start_new_session=True
        )
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail(f"parkcarbon up ended with {self.process.returncode}:\n{self.output()}")
            if "Ctrl-C" in self.output() and file.exists():
                self.connection = json.loads(file.read_text(encoding="utf-8"))
                return self
            time.sleep(0.05)
        pytest.fail(f"parkcarbon up did not start within {START_SECONDS} s:\n{self.output()}")

    def output(self) -> str:
        """What it printed so far, over all its starts."""
        return (self.data.parent / f"{self.data.name}.log").read_text(encoding="utf-8")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ends the process by a signal; returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def client(self, role: str = "park_manager", **headers: str) -> httpx.Client:
        """Returns an HTTP client with the demo token of a role."""
        token = self.connection["tokens"][role]
        return httpx.Client(base_url=self.connection["url"], headers={"Authorization": f"Bearer {token}"} | headers, timeout=60)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for all tests of a worker that leave it running."""
    if ELSEWHERE:
        connection = json.loads(Path(ELSEWHERE).read_text(encoding="utf-8"))
        yield Platform(tmp_path_factory.mktemp("platform") / "data", connection=connection)
        return
    running = Platform(tmp_path_factory.mktemp("platform") / "data").start()
    yield running
    running.end()


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform that a test may kill."""
    if ELSEWHERE:
        pytest.skip("a platform that runs elsewhere is not killed")
    own = Platform(tmp_path / "data")
    yield own
    if own.process is not None:
        own.end(signal.SIGKILL)


_numbers = iter(range(1_000_000))


@pytest.fixture
def park(platform: Platform) -> str:
    """A new park with the sources of Ganzhou and a factor set that covers 2020 to 2022."""
    park_id = f"park-{os.getpid()}-{next(_numbers)}"
    with platform.client() as client:
        register(client, park_id)
    return park_id


def register(client: httpx.Client, park_id: str, factor_set_id: str = "wang-2024") -> None:
    """Registers a park in Ganzhou and its three sources."""
    body = {
        "park_id": park_id,
        "name_zh": "试验园区",
        "name_en": "Test park",
        "region_code": "360700",
        "time_zone": "Asia/Shanghai",
        "factor_set_id": factor_set_id,
    }
    answer = client.post("/v1/parks", json=body)
    assert answer.status_code == 201, answer.text
    for source_id, item, scope, carrier in (
        ("electricity", "enterprise.purchased_energy", 2, "electricity"),
        ("gas", "enterprise.fuel_combustion", 1, "natural_gas"),
        ("oil", "enterprise.fuel_combustion", 1, "refined_oil"),
    ):
        source = {
            "source_id": source_id,
            "name_zh": source_id,
            "name_en": source_id,
            "item": item,
            "scope": scope,
            "carrier": carrier,
            "settlement_basis": "bill",
        }
        answer = client.post(f"/v1/parks/{park_id}/sources", json=source)
        assert answer.status_code == 201, answer.text
