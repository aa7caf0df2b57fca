"""The local overlay on a real Kubernetes: applied, waited for, used, and every deployment rolled while batches are pushed.

Runs on the cluster of KUBECONFIG, only where PARKCARBON_CLUSTER_TEST=1 says that it may: it makes the namespace `parkcarbon` there,
and deletes it afterwards. PARKCARBON_LOAD_IMAGE is a command that gives the cluster an image from the tar file it is called with;
without it the images have to be there. Where PARKCARBON_IMAGES names a folder of such files, they are not built again.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compose.engine import NoEngine, docker_engine
from tests.compose.main_job import changes_of, check_ganzhou, push_ganzhou
from tests.system.conftest import register

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
NAMESPACE = "parkcarbon"
DEPLOYMENTS = ("accounting", "evaluation", "gateway")
IMAGES = ("postgres", "kafka", "accounting", "evaluation", "gateway", "devstack")
CA = Path("/etc/ssl/certs/ca-certificates.crt")
READY_SECONDS = 420


def run(*command: str, seconds: float = 600, **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, **more)
    output: str = done.stdout
    assert done.returncode == 0, f"{' '.join(command[:6])} …\n{output[-2000:]}\n{done.stderr[-4000:]}"
    return output


def kubectl(*arguments: str, seconds: float = 600, **more: Any) -> str:
    return run("kubectl", "--namespace", NAMESPACE, *arguments, seconds=seconds, **more)


@dataclass(frozen=True)
class Platform:
    """The platform in the cluster.

    Attributes:
        tokens: By role.
    """

    tokens: dict[str, str]

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """Opens a way from here to a pod of the gateway, as long as that pod lives."""
        command = ["kubectl", "--namespace", NAMESPACE, "port-forward", "service/gateway", ":8080"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as forward:
            try:
                assert forward.stdout is not None
                line = forward.stdout.readline()
                found = re.search(r"127\.0\.0\.1:(\d+)", line)
                assert found, f"no way in: {line}"
                headers = {"Authorization": f"Bearer {self.tokens['park_manager']}"}
                with httpx.Client(base_url=f"http://127.0.0.1:{found[1]}", headers=headers, timeout=60) as client:
                    yield client
            finally:
                forward.terminate()


def load_images(folder: Path) -> None:
    """Builds the images unless they are given, and hands them to the cluster."""
    loader = os.environ.get("PARKCARBON_LOAD_IMAGE")
    if not loader:
        return
    if given := os.environ.get("PARKCARBON_IMAGES"):
        folder = Path(given)
    else:
        ca = ("--ca", str(CA)) if CA.exists() else ()
        try:
            with docker_engine() as environment:
                build = [sys.executable, "deploy/build_images.py", "--save", str(folder), *ca, "base", "builder", *IMAGES]
                run(*build, cwd=ROOT, env=environment, seconds=1500)
        except NoEngine as error:
            pytest.skip(f"the platform was NOT tried in a cluster: {error}")
    for image in IMAGES:
        run(*shlex.split(loader), str(folder / f"{image}.tar"))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Applies the local overlay with secrets of its own, waits until everything is ready, and deletes it afterwards."""
    if os.environ.get("PARKCARBON_CLUSTER_TEST") != "1" or "KUBECONFIG" not in os.environ or shutil.which("kubectl") is None:
        pytest.skip("the platform was NOT tried in a cluster: needs kubectl, KUBECONFIG and PARKCARBON_CLUSTER_TEST=1")
    # whatever is there is somebody's: it is neither changed nor deleted
    there = run("kubectl", "get", "namespace", NAMESPACE, "--ignore-not-found", "--output=name")
    assert not there, f"{there.strip()} is in this cluster already"
    load_images(tmp_path_factory.mktemp("images"))
    copy = tmp_path_factory.mktemp("manifests") / "k8s"
    shutil.copytree(ROOT / "k8s", copy, ignore=shutil.ignore_patterns("secrets"))
    overlay = copy / "overlays" / "local"
    run(sys.executable, str(ROOT / "deploy" / "make_secrets.py"), str(overlay / "secrets"))
    try:
        kubectl("apply", "-k", str(overlay))
        kubectl("apply", "-f", str(HERE / "client.yaml"))
        try:
            wait_until_ready()
        except AssertionError as error:
            pytest.fail(f"{error}\n{kubectl('get', 'pods')}\n{kubectl('get', 'events', '--field-selector=type=Warning')[-3000:]}")
        yield Platform(json.loads((overlay / "secrets" / "connection.json").read_text(encoding="utf-8"))["tokens"])
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")


def wait_until_ready() -> None:
    timeout = f"--timeout={READY_SECONDS}s"
    kubectl("wait", "--for=condition=Complete", timeout, "job/prepare", "job/migration")
    for name in DEPLOYMENTS:
        kubectl("rollout", "status", timeout, f"deployment/{name}")
    kubectl("wait", "--for=condition=Ready", timeout, "pod/test-client", "pod/kafka-0", "pod/postgres-0")


def test_the_published_quantities_give_the_published_figures(platform: Platform) -> None:
    with platform.client() as client:
        push_ganzhou(client, "ganzhou-cluster")
        check_ganzhou(client, "ganzhou-cluster")
        types = {change["type"] for change in changes_of(client, "ganzhou-cluster", at_least=5)}
    assert any("ActivityRecorded" in each for each in types), types


def test_every_service_stands_twice(platform: Platform) -> None:
    for name in DEPLOYMENTS:
        status = json.loads(kubectl("get", "deployment", name, "--output=json"))["status"]
        assert status["readyReplicas"] >= 2, name


def test_rolling_every_deployment_during_ingest_loses_nothing(platform: Platform) -> None:
    """No push fails that the client's own retries do not mend; what is stored is what was acknowledged, once."""
    with platform.client() as client:
        register(client, "rolled")
    script = (HERE / "ingest.py").read_text(encoding="utf-8")
    arguments = ["http://gateway:8080", platform.tokens["park_manager"], "rolled", "/tmp/stop"]
    command = ["kubectl", "--namespace", NAMESPACE, "exec", "--stdin", "test-client", "--", "python", "-", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ingest:
        try:
            assert ingest.stdin is not None
            ingest.stdin.write(script)
            ingest.stdin.close()
            ingest.stdin = None
            for name in DEPLOYMENTS:
                kubectl("rollout", "restart", f"deployment/{name}")
                kubectl("rollout", "status", f"deployment/{name}", f"--timeout={READY_SECONDS}s")
            # what a stopped pod leaves behind shows with the calls that come after it
            time.sleep(3)
            assert ingest.poll() is None, "the pushes ended before the last deployment was rolled"
        finally:
            kubectl("exec", "test-client", "--", "touch", "/tmp/stop")
            output, errors = ingest.communicate(timeout=300)
    assert ingest.returncode == 0, errors
    found = json.loads(output)
    print(json.dumps(found))
    assert found["failed"] == []
    assert found["batches"] > 0
    assert found["acknowledged"] == found["batches"] * 24 == found["records"] == found["distinct"]
    assert Decimal(found["total_t_co2e"]) == Decimal(found["sum_of_records_t_co2e"]) > 0
