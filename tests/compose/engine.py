"""A Docker engine for tests: the one that runs, or one that is started here and stopped afterwards.

Packages are installed only as root with CI set or with INSTALL=1; otherwise what is missing is named.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "parkcarbon" / "compose"
PLUGINS = Path("usr/libexec/docker/cli-plugins")
START_SECONDS = 60
Environment = dict[str, str]


class NoEngine(Exception):
    """There is no engine and none can be started; the message says what would help."""


def may_install() -> bool:
    """Whether packages may be installed: as root, when told so or on a machine that is made for the run."""
    return os.geteuid() == 0 and bool(os.environ.get("CI") or os.environ.get("INSTALL") == "1")


def succeeds(environment: Mapping[str, str], *command: str) -> bool:
    """Whether a command can be run and returns 0."""
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


@contextmanager
def docker_engine() -> Iterator[Environment]:
    """Yields the environment in which `docker` and `docker compose` work; ends the engine if it was started here.

    Raises:
        NoEngine: There is none, and none can be started.
    """
    with ExitStack() as stack:
        environment = dict(os.environ)
        install_programs()
        if not succeeds(environment, "docker", "info"):
            environment |= stack.enter_context(started_engine())
        if not all(succeeds(environment, "docker", plugin, "version") for plugin in ("compose", "buildx")):
            environment |= fetched_plugins()
        yield environment


def install_programs() -> None:
    """Makes sure that the programs are there which build images and run containers.

    Raises:
        NoEngine: One is not, and may not be installed.
    """
    packages = {"docker": "docker.io", "iptables": "iptables", "mmdebstrap": "mmdebstrap", "mvn": "maven", "openssl": "openssl"}
    missing = [package for program, package in packages.items() if shutil.which(program) is None]
    # the client alone is not enough where no engine runs
    if shutil.which("dockerd") is None and not succeeds(os.environ, "docker", "info") and "docker.io" not in missing:
        missing.append("docker.io")
    if not missing:
        return
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if not may_install():
        raise NoEngine(f"missing: {command}; or run as root with INSTALL=1")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *arguments], env=quiet, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoEngine(f"{command} failed: {done.stderr[-500:]}")


@contextmanager
def started_engine() -> Iterator[Environment]:
    """Runs an engine on a socket and folders of its own, and ends it with everything in it.

    Raises:
        NoEngine: This user may not, or the machine does not let it.
    """
    if os.geteuid() != 0:
        raise NoEngine("no Docker engine runs, and only root can start one")
    with tempfile.TemporaryDirectory(prefix="parkcarbon-docker-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        socket, log = f"unix://{folder}/socket", folder / "log"
        command = ["dockerd", f"--data-root={folder}/data", f"--exec-root={folder}/run", "-H", socket, f"--pidfile={folder}/pid"]
        with log.open("wb") as output:
            engine = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not succeeds({**os.environ, "DOCKER_HOST": socket}, "docker", "info"):
                if engine.poll() is not None or time.monotonic() > deadline:
                    raise NoEngine(f"dockerd does not start here: {log.read_text(errors='replace').strip().splitlines()[-1:]}")
                time.sleep(0.5)
            yield {"DOCKER_HOST": socket}
        finally:
            engine.send_signal(signal.SIGTERM)
            engine.wait(timeout=60)


def fetched_plugins() -> Environment:
    """Returns where the plugins compose and buildx are: Debian 12 has none, so those of Debian 13 are unpacked into the cache.

    Raises:
        NoEngine: They are not there and may not be fetched.
    """
    folder = CACHE / "docker"
    if not (folder / "cli-plugins" / "docker-compose").exists():
        if not may_install():
            raise NoEngine("the docker plugins compose and buildx are missing; run as root with INSTALL=1 to fetch them")
        fetch_plugins(folder / "cli-plugins")
    return {"DOCKER_CONFIG": str(folder)}


def fetch_plugins(target: Path) -> None:
    """Unpacks two packages of Debian 13, with lists of their own: the system's sources stay as they are."""
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    if not sources.exists():
        raise NoEngine("the docker plugins compose and buildx are missing, and this is no Debian that names its sources")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for folder in ("sources", "lists/partial", "cache/archives/partial"):
            (work / folder).mkdir(parents=True)
        (work / "sources" / "trixie.sources").write_text(sources.read_text(encoding="utf-8").replace("bookworm", "trixie"))
        own = {"Etc::sourcelist": "/dev/null", "Etc::sourceparts": f"{work}/sources"}
        own |= {"State::lists": f"{work}/lists", "Cache": f"{work}/cache"}
        apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *(f"-oDir::{key}={value}" for key, value in own.items())]
        for arguments in (["update"], ["download", "docker-compose", "docker-buildx"]):
            done = subprocess.run([*apt, *arguments], cwd=work, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise NoEngine(f"the docker plugins cannot be fetched: {done.stderr[-500:]}")
        for package in work.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(work / "unpacked")], check=True, capture_output=True)
        target.mkdir(parents=True, exist_ok=True)
        for program in ("docker-buildx", "docker-compose"):
            shutil.copy(work / "unpacked" / PLUGINS / program, target / program)
            (target / program).chmod(0o755)
