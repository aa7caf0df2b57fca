"""The walks of the documents are run as they are printed, and print what they say."""

import os
import re
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.system.conftest import Platform

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECONDS = 240
"""A bound for a hang, not a measurement."""
_END = "-- the block has ended --"
ADDRESS = "http://127.0.0.1:8080"
_BLOCK = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """The blocks of a page in order: language and content."""
    return _BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def steps(page: str) -> list[tuple[str, str, str]]:
    """What is run, and what it is to print: language, source, output."""
    found = blocks(page)
    return [
        (language, source, following[1] if following[0] == "text" else "")
        for (language, source), following in zip(found, [*found[1:], ("", "")], strict=True)
        if language != "text"
    ]


def fits(line: str, said: str) -> bool:
    """Tells whether a line is as it is printed in the page, where … stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, said.split("…"))), line) is not None


def check(output: str, said: str, source: str) -> None:
    lines = iter(output.splitlines())
    for expected in said.splitlines():
        assert any(fits(line, expected) for line in lines), f"{source}\nprinted\n{output}\nwithout\n{expected}"


class Terminal:
    """A shell that one types into, block by block; what a block sets, the next one finds."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._errors = folder / "errors"
        with self._errors.open("w") as errors:
            self._shell = subprocess.Popen(
                ["bash"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
            )
        # a block that waits for what never comes is ended
        self._patience = threading.Timer(SECONDS, self._shell.kill)
        self._patience.start()
        self.run("set -euo pipefail")

    def run(self, source: str) -> str:
        """Runs a block and returns what it prints."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{source}\necho\necho {_END}\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.strip() == _END:
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"{source}\nprinted\n{''.join(lines)}\nand failed:\n{self._errors.read_text(encoding='utf-8')}")

    def close(self) -> None:
        self._patience.cancel()
        self._shell.kill()
        self._shell.communicate()


def test_every_block_of_the_walks_prints_what_the_page_says(platform: Platform, tmp_path: Path) -> None:
    data = Path(platform.connection["data"])
    if not (data / "connection.json").is_file():
        pytest.skip("the folder of the platform is not on this machine")
    (tmp_path / "var").symlink_to(data)
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    with closing(Terminal(tmp_path, environment)) as terminal:
        for language, source, said in steps("walk-throughs.md"):
            there = source.replace(ADDRESS, platform.connection["url"])
            if language == "python":
                (tmp_path / "block.py").write_text(there, encoding="utf-8")
                there = "python3 block.py"
            check(terminal.run(there), said, source)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_the_walks_are_the_same_in_both_languages() -> None:
    assert blocks("walk-throughs.md") == blocks("walk-throughs.zh-CN.md")
    headings = [
        re.findall(r"^(#+) ", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
        for page in ("walk-throughs.md", "walk-throughs.zh-CN.md")
    ]
    assert headings[0] == headings[1]
