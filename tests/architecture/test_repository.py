"""What the repository holds, and what it must not."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_lock_file_names_a_registry() -> None:
    assert [path for path in tracked() if path.name in ("uv.lock", "pylock.toml", "poetry.lock")] == []


def test_every_installed_package_is_pinned() -> None:
    """What a fresh machine installs is what was tested: each third-party distribution of the environment has its version pinned."""
    uv = ROOT / ".tools" / "bin" / "uv"
    if not uv.exists():
        pytest.skip("the environment was not made by the Makefile")
    pinned = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["constraint-dependencies"]
    names = {re.split(r"[=<>\[; ]", line, maxsplit=1)[0].lower().replace("_", "-") for line in pinned}
    options = ["--quiet", "--no-hashes", "--all-packages", "--all-groups", "--no-emit-workspace", "--no-header", "--no-annotate"]
    command = [str(uv), "export", *options]
    exported = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    wanted = {re.split(r"[=<>\[; ]", line, maxsplit=1)[0].lower() for line in exported.splitlines() if "==" in line}
    assert wanted - names == set()


def test_every_decision_record_is_listed_and_numbered() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert records
    assert [name[:4] for name in records] == [f"{number:04d}" for number in range(1, len(records) + 1)]
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert all(name in index for name in records)


def test_the_readme_says_the_same_in_both_languages() -> None:
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]
    headings = [re.findall(r"^(#+) ", page, re.MULTILINE) for page in pages]
    assert headings[0] == headings[1]
    commands = [re.findall(r"^ *(?:make|parkcarbon|curl) [^\n]*", page, re.MULTILINE) for page in pages]
    assert commands[0] == commands[1]
    assert commands[0]


def test_relative_links_of_the_documents_lead_somewhere() -> None:
    def targets(page: Path) -> list[str]:
        found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        return [target for target in found if not re.match(r"[a-z]+:", target)]

    pages = [path for path in tracked() if path.suffix == ".md"]
    assert [f"{page.relative_to(ROOT)} → {to}" for page in pages for to in targets(page) if not (page.parent / to).exists()] == []
