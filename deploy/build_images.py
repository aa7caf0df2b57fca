#!/usr/bin/env python3
"""Builds every image without pulling one: Debian packages, Kafka's jars from Maven, and this repository.

Usage: build_images.py [--tag TAG] [--ca FILE] [--save FOLDER] [IMAGE …]; without names, all of them:

- parkcarbon/base: Debian 12 with Python, for services; no compiler, no pip, no apt
- parkcarbon/builder: the same with Python's venv, only built with
- parkcarbon/postgres, parkcarbon/kafka: servers where their own images cannot be pulled
- parkcarbon/accounting, parkcarbon/evaluation, parkcarbon/gateway: the services
- parkcarbon/devstack: the `parkcarbon` command, which migrates databases

Needs docker with buildx, mmdebstrap (as root, or with user namespaces) and, for Kafka, Maven. Downloads are kept in
~/.cache/parkcarbon/images; remove the folder to have newer Debian packages.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "parkcarbon" / "images"
SUITE = "bookworm"
SERVICES = ("accounting", "evaluation", "gateway", "devstack")
# Root file systems: the packages of each, and the user that its server runs as.
PACKAGES = {
    # libstdc++ for the wheels with compiled parts
    "base": ["python3", "libstdc++6", "ca-certificates"],
    "builder": ["python3", "python3-venv", "ca-certificates"],
    "postgres": ["postgresql-15"],
    "kafka": ["openjdk-17-jre-headless"],
}
USERS = {"postgres": ("postgres", 999, "/var/lib/postgresql"), "kafka": ("kafka", 1000, "/var/lib/kafka")}
# What a package brings that no container needs; PostgreSQL's makes a cluster of its own, which belongs into a volume.
LEFTOVERS = [
    "usr/share/doc/*/changelog*",
    "usr/share/doc/*/NEWS*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "var/lib/postgresql/15",
    "etc/postgresql/15",
]
TIME_LIMIT_SECONDS = 900


class CannotBuild(Exception):
    """What is missing, or what failed, in a sentence."""


def run(*command: str) -> None:
    """Runs a command that must succeed; what it prints is shown when it does not."""
    done = subprocess.run(  # noqa: S603 - the programs that this script names
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIME_LIMIT_SECONDS, check=False
    )
    if done.returncode != 0:
        raise CannotBuild(f"{' '.join(command[:4])} … failed:\n{done.stdout[-4000:]}")


def need(program: str, package: str) -> None:
    """Says which Debian package brings a program that is missing."""
    if shutil.which(program) is None:
        raise CannotBuild(f"{program} is missing: apt-get install {package}")


def root_file_system(name: str) -> Path:
    """Returns a tar of Debian with the packages of one image, made at its first use."""
    user = USERS.get(name)
    wanted = hashlib.sha256(repr((SUITE, PACKAGES[name], user, LEFTOVERS)).encode()).hexdigest()[:12]
    tar = CACHE / f"{name}-{wanted}.tar"
    if tar.exists():
        return tar
    need("mmdebstrap", "mmdebstrap")
    hooks = [f"--customize-hook=rm -rf {' '.join(f'$1/{path}' for path in LEFTOVERS)}"]
    if user is not None:
        login, number, home = user
        # before the packages come, whose own users would have numbers that differ from build to build
        hooks.append(f"--essential-hook=echo {login}:x:{number}:{number}::{home}:/bin/sh >>$1/etc/passwd")
        hooks.append(f"--essential-hook=echo {login}:x:{number}: >>$1/etc/group")
        # the folder of the volume, which takes over its owner
        hooks.append(f"--customize-hook=chroot $1 install -d -o {number} -g {number} -m 700 {home} {home}/data")
    draft = tar.with_suffix(".draft.tar")
    include = f"--include={','.join(PACKAGES[name])}"
    # every package that a server does not need is a hole less: neither apt nor the priorities above essential
    run("mmdebstrap", "--quiet", "--variant=essential", include, *hooks, SUITE, str(draft))
    draft.rename(tar)
    return tar


def import_root(name: str, tag: str) -> str:
    """Makes an image of a root file system; returns its name."""
    image = f"parkcarbon/{name}:{tag}" if name not in USERS else f"parkcarbon/{name}-root:{tag}"
    run("docker", "import", "--change", 'CMD ["/bin/sh"]', str(root_file_system(name)), image)
    return image


def build(folder: Path, image: str, *options: str) -> None:
    """Builds one image."""
    run("docker", "buildx", "build", "--quiet", "--load", "--pull=false", "--tag", image, *options, str(folder))


def build_server(name: str, tag: str) -> None:
    """Builds the image of PostgreSQL or of Kafka."""
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder, name)
        shutil.copytree(ROOT / "deploy" / name, context)
        if name == "kafka":
            shutil.copytree(kafka_jars(), context / "libs")
        build(context, f"parkcarbon/{name}:{tag}", "--build-arg", f"BASE={import_root(name, tag)}")


def kafka_jars() -> Path:
    """Returns the folder with Kafka's jars, fetched at its first use."""
    pom = ROOT / "deploy" / "kafka" / "pom.xml"
    jars = CACHE / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if not jars.exists():
        need("mvn", "maven")
        draft = jars.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        run("mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={draft}")
        draft.rename(jars)
    return jars


def build_service(name: str, tag: str, ca: Path | None) -> None:
    """Builds the image of a service over our own base."""
    options = ["--build-arg", f"SERVICE={name}"]
    if name == "devstack":
        options += ["--build-arg", "COMMAND=parkcarbon"]
    options += ["--build-arg", f"BASE=parkcarbon/base:{tag}", "--build-arg", f"BUILDER=parkcarbon/builder:{tag}"]
    if ca is not None:
        options += ["--secret", f"id=ca,src={ca}"]
    build(ROOT, f"parkcarbon/{name}:{tag}", *options)


def version() -> str:
    """Returns the version of this repository, which manifests name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def main() -> int:
    """Builds what is named, in the order in which one needs the other."""
    makers = [*PACKAGES, *SERVICES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", default=version(), help="of every image, %(default)s")
    parser.add_argument("--ca", type=Path, help="certificates that the way to the package index needs")
    parser.add_argument("--save", type=Path, help="also writes each image to a tar in this folder, for docker load")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=", ".join(makers))
    wanted = parser.parse_args()
    if unknown := set(wanted.images) - set(makers):
        parser.error(f"no image {min(unknown)!r}")
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        need("docker", "docker.io")
        for name in (each for each in makers if not wanted.images or each in wanted.images):
            start = time.monotonic()
            if name in USERS:
                build_server(name, wanted.tag)
            elif name in SERVICES:
                build_service(name, wanted.tag, wanted.ca)
            else:
                import_root(name, wanted.tag)
            image = f"parkcarbon/{name}:{wanted.tag}"
            if wanted.save is not None and name != "builder":
                wanted.save.mkdir(parents=True, exist_ok=True)
                run("docker", "save", "--output", str(wanted.save / f"{name}.tar"), image)
            print(f"{image} in {time.monotonic() - start:.0f} s", flush=True)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
