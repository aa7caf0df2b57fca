"""The platform in containers, as an air-gapped site gets it: images built without a pull, `docker compose up --wait`, the main job.

Takes minutes, so it is a stage of its own; skips where no Docker engine can be started, and says what would help.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.connection import read
from tests.compose.engine import Environment, NoEngine, docker_engine
from tests.compose.main_job import changes_of, check_ganzhou, push_ganzhou, pushed

ROOT = Path(__file__).resolve().parents[2]
TAG = "test"
PROJECT = "parkcarbon-test"
CA = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Composed:
    """The running platform.

    Attributes:
        environment: In which `docker compose` speaks of it.
        url: Of its gateway.
        tokens: By role.
    """

    environment: Environment
    url: str
    tokens: dict[str, str]

    def compose(self, *arguments: str) -> str:
        """Runs `docker compose` and returns what it prints."""
        return run(self.environment, "docker", "compose", *arguments)

    def client(self, role: str = "park_manager") -> httpx.Client:
        """Returns an HTTP client with the token of a role."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.tokens[role]}"}, timeout=60)


def run(environment: Environment, *command: str, folder: Path = ROOT, minutes: float = 10) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=minutes * 60, check=False)
    assert done.returncode == 0, f"{' '.join(command[:5])} …\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Builds every image, and runs the platform from a copy of the files that Compose reads, with secrets of its own."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "compose.yaml", site)
    shutil.copytree(ROOT / "deploy", site / "deploy", ignore=shutil.ignore_patterns("secrets"))
    run(dict(os.environ), sys.executable, "deploy/make_secrets.py", folder=site)
    try:
        engine = docker_engine()
        environment = engine.__enter__()
    except NoEngine as error:
        pytest.skip(f"the platform was NOT tried in containers: {error}")
    environment |= {"COMPOSE_PROJECT_NAME": PROJECT, "COMPOSE_FILE": str(site / "compose.yaml"), "PARKCARBON_TAG": TAG}
    environment |= {f"{name.upper()}_IMAGE": f"parkcarbon/{name}:{TAG}" for name in ("postgres", "kafka")}
    environment |= {"PARKCARBON_PORT": "0"}
    down = ("docker", "compose", "down", "--volumes", "--remove-orphans", "--timeout", "30")
    try:
        ca = ("--ca", str(CA)) if CA.exists() else ()
        images = ("base", "builder", "postgres", "kafka", "accounting", "evaluation", "gateway")
        run(environment, sys.executable, "deploy/build_images.py", "--tag", TAG, *ca, *images, minutes=12)
        run(environment, *down)
        try:
            run(environment, "docker", "compose", "up", "--detach", "--no-build", "--wait", "--wait-timeout", "180", minutes=4)
        except AssertionError as error:
            pytest.fail(f"{error}\n{run(environment, 'docker', 'compose', 'logs', '--tail', '40')}")
        address = run(environment, "docker", "compose", "port", "gateway", "8080").strip()
        # as the parkcarbon command reads it
        connection = read(site / "deploy" / "secrets" / "connection.json")
        assert connection is not None
        yield Composed(environment, f"http://{address}", connection.tokens)
        run(environment, *down)
    finally:
        engine.__exit__(None, None, None)


def inspected(composed: Composed, service: str) -> dict[str, Any]:
    [container] = composed.compose("ps", "--all", "--quiet", service).split()
    [found] = json.loads(run(composed.environment, "docker", "inspect", container))
    return dict(found)


def test_the_published_quantities_give_the_published_figures(composed: Composed) -> None:
    with composed.client() as client:
        push_ganzhou(client, "ganzhou-compose")
        check_ganzhou(client, "ganzhou-compose")


def test_the_systems_own_tests_pass_in_containers(composed: Composed, tmp_path: Path) -> None:
    """Those that speak HTTP only, against this platform."""
    file = tmp_path / "connection.json"
    file.write_text(json.dumps({"url": composed.url, "tokens": composed.tokens}), encoding="utf-8")
    suites = [f"tests/system/test_{name}.py" for name in ("ganzhou", "bad_input", "events")]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-rs", *suites]
    output = run(dict(os.environ) | {"PARKCARBON_TEST_CONNECTION": str(file)}, *command)
    summary = output.strip().splitlines()[-1]
    # two of them kill their platform
    assert re.fullmatch(r"\d+ passed, 2 skipped in .*", summary), output


def test_changes_arrive_over_kafka(composed: Composed) -> None:
    with composed.client() as client:
        push_ganzhou(client, "ganzhou-changes")
        types = {change["type"] for change in changes_of(client, "ganzhou-changes", at_least=5)}
    assert any("ActivityRecorded" in each for each in types), types


@pytest.mark.parametrize("service", ["gateway", "accounting", "evaluation"])
def test_a_service_runs_confined(composed: Composed, service: str) -> None:
    container = inspected(composed, service)
    assert container["Config"]["User"] == "10001:10001"
    assert container["HostConfig"]["ReadonlyRootfs"] is True
    assert container["HostConfig"]["CapDrop"] == ["ALL"]
    assert container["State"]["Health"]["Status"] == "healthy"
    for program in ("pip", "pip3", "cc", "gcc", "apt-get", "uv"):
        found = composed.compose("exec", "-T", service, "sh", "-c", f"command -v {program} || echo none")
        assert found.strip() == "none", program


def test_only_the_gateway_is_told_the_signing_key_and_only_it_is_published(composed: Composed) -> None:
    for service in ("accounting", "evaluation", "postgres", "kafka", "gateway"):
        container = inspected(composed, service)
        volumes = {mount["Name"].removeprefix(f"{PROJECT}_") for mount in container["Mounts"] if mount["Type"] == "volume"}
        assert ("signing-key" in volumes) is (service == "gateway")
        assert bool(container["HostConfig"]["PortBindings"]) is (service == "gateway")


def test_an_acknowledged_account_survives_the_death_of_every_container(composed: Composed) -> None:
    with composed.client() as client:
        push_ganzhou(client, "ganzhou-killed")
    composed.compose("kill", "--signal", "KILL")
    composed.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "180")
    address = composed.compose("port", "gateway", "8080").strip()
    again = Composed(composed.environment, f"http://{address}", composed.tokens)
    with again.client() as client:
        check_ganzhou(client, "ganzhou-killed")
        assert pushed(client, "ganzhou-killed")["duplicate"] == 9


def test_a_stop_is_clean(composed: Composed) -> None:
    composed.compose("stop", "--timeout", "40", "gateway", "evaluation", "accounting")
    for service in ("gateway", "evaluation", "accounting"):
        assert inspected(composed, service)["State"]["ExitCode"] == 0, composed.compose("logs", "--tail", "30", service)
    assert "Traceback" not in composed.compose("logs", "--tail", "50", "gateway", "evaluation", "accounting")


def test_the_profile_that_can_only_be_pulled_is_valid(composed: Composed) -> None:
    services = json.loads(composed.compose("--profile", "observability", "config", "--format", "json"))["services"]
    assert {"otel-collector", "prometheus", "grafana", "jaeger"} <= set(services)
    site = Path(composed.environment["COMPOSE_FILE"]).parent
    for name in ("otel-collector", "prometheus", "grafana", "jaeger"):
        for volume in services[name].get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), f"{name} mounts {Path(volume['source']).relative_to(site)}"
