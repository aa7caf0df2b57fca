"""A real Apache Kafka for tests and benchmarks: one node in KRaft mode, from its jars, on free ports.

Loaded with `pytest_plugins = ["chassis.testing.kafka"]` in the root conftest. The jars come from Maven once and stay in
`~/.cache/parkcarbon/kafka`; where nothing can be fetched, `PARKCARBON_KAFKA_LIBS` names a folder that holds them.
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

VERSION: Final = "4.1.0"
_START_SECONDS: Final = 60.0
_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>parkcarbon</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""


class KafkaMissing(Exception):
    """Kafka cannot be run here; the sentence says what is missing and how to get it."""


class KafkaServer:
    """One node that can be killed and started again on the same ports, with what it has stored.

    Attributes:
        bootstrap_servers: `host:port`, in the clear.
        secured_servers: `host:port` of the listener with TLS and logins (SASL_SSL), if it has one.
    """

    def __init__(self, folder: Path, libraries: Path, secured: str = "") -> None:
        """Prepares the node; nothing runs yet.

        Args:
            folder: For its settings, its log and what it stores.
            libraries: Folder with the jars.
            secured: Lines for `server.properties` that say whom the encrypted listener lets in; "" has no such listener.
        """
        port, secured_port, controller_port = _free_ports(3)
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self.secured_servers = f"127.0.0.1:{secured_port}"
        self._log = folder / "server.log"
        self._port = port
        self._properties = folder / "server.properties"
        self._class_path = f"{libraries}/*"
        self._process: subprocess.Popen[bytes] | None = None
        listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}"
        if secured:
            listeners += f",SASL_SSL://{self.secured_servers}"
        lines = [
            "process.roles=broker,controller",
            "node.id=1",
            f"controller.quorum.voters=1@127.0.0.1:{controller_port}",
            f"listeners={listeners}",
            f"advertised.listeners={listeners}",
            "controller.listener.names=CONTROLLER",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
            f"log.dirs={folder / 'data'}",
            "offsets.topic.replication.factor=1",
            "offsets.topic.num.partitions=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "group.initial.rebalance.delay.ms=0",
            "group.min.session.timeout.ms=1000",
            "auto.create.topics.enable=false",
        ]
        self._properties.write_text("\n".join([*lines, secured, ""]), encoding="utf-8")
        identifier = self._java("kafka.tools.StorageTool", "random-uuid").strip().splitlines()[-1]
        self._java("kafka.tools.StorageTool", "format", "-t", identifier, "-c", str(self._properties))

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise RuntimeError("Kafka does not run")
        return self._process.pid

    def start(self) -> None:
        """Starts the node and waits until it takes connections.

        Raises:
            RuntimeError: If it ends instead, or takes too long; the end of its log is in the message.
        """
        # A test run that is killed must not leave a server behind.
        bound = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        command = [*bound, *self._command("-Xmx512m"), "kafka.Kafka", str(self._properties)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        ends_at = time.monotonic() + _START_SECONDS
        while not _listens(self._port):
            if self._process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(f"Kafka did not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends the process as a power cut of the process would: kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends the process in order; where it takes too long, by kill -9."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _command(self, *options: str) -> list[str]:
        return [program("java", "openjdk-17-jre-headless"), *options, "-cp", self._class_path]

    def _java(self, *arguments: str) -> str:
        done = subprocess.run([*self._command(), *arguments], check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} failed: {done.stderr[-2000:]}")
        return done.stdout


@contextmanager
def running_kafka(secured: str = "") -> Iterator[KafkaServer]:
    """Runs a node for the length of the block; its files are gone afterwards.

    Args:
        secured: As of `KafkaServer`.

    Raises:
        KafkaMissing: If Java or the jars are not there.
    """
    program("java", "openjdk-17-jre-headless")
    with tempfile.TemporaryDirectory(prefix="kafka-", ignore_cleanup_errors=True) as name:
        server = KafkaServer(Path(name), kafka_libraries(), secured)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A Kafka that lives as long as the session; skips where it cannot be run, and says why."""
    try:
        with running_kafka() as server:
            yield server
    except KafkaMissing as missing:
        pytest.skip(str(missing))


def kafka_libraries() -> Path:
    """Returns the folder with Kafka's jars, fetched by Maven if they are not there.

    Raises:
        KafkaMissing: If they are not there and cannot be fetched.
    """
    named = os.environ.get("PARKCARBON_KAFKA_LIBS")
    if named:
        if not any(Path(named).glob("kafka_*.jar")):
            raise KafkaMissing(f"PARKCARBON_KAFKA_LIBS names {named}, which holds no kafka_*.jar")
        return Path(named)
    folder = Path.home() / ".cache" / "parkcarbon" / "kafka" / VERSION
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # Tests run in several processes, and one of them fetches.
        fcntl.flock(lock, fcntl.LOCK_EX)
        libraries = folder / "libs"
        if not libraries.is_dir():
            maven = program("mvn", "maven")
            (folder / "pom.xml").write_text(_POM, encoding="utf-8")
            draft = folder / "draft"
            fetch = [maven, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={draft}"]
            done = subprocess.run(fetch, cwd=folder, check=False, capture_output=True, text=True)  # noqa: S603 - Maven
            if done.returncode != 0:
                raise KafkaMissing(f"Maven could not fetch Kafka's jars: {done.stdout[-500:]}")
            draft.rename(libraries)
    return libraries


def program(name: str, package: str) -> str:
    """Returns the path of a program, installed with its Debian package if that is allowed: as root, with CI set or INSTALL=1.

    Raises:
        KafkaMissing: If it is not there.
    """
    found = shutil.which(name)
    if found is None and os.geteuid() == 0 and (os.environ.get("CI") or os.environ.get("INSTALL") == "1"):
        install = ["apt-get", "install", "-y", "--no-install-recommends", package]
        subprocess.run(install, check=False, capture_output=True)  # noqa: S603
        found = shutil.which(name)
    if found is None:
        raise KafkaMissing(f"Kafka needs `{name}`, which is not installed: apt-get install {package}")
    return found


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
