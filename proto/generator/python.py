"""Python source: docstrings out of comments, and the form that ruff gives it."""

import subprocess
import sys
from pathlib import Path

KEYWORDS = frozenset({"from"})
"""Names of the HTTP API that are words of Python."""


def formatted(text: str, package: str) -> str:
    """Returns Python source with its imports sorted and the unused ones left out, as ruff formats it.

    Args:
        text: The source.
        package: Whose imports stand last, beside those of the contracts.

    Raises:
        subprocess.CalledProcessError: It is no Python.
    """
    ruff = str(Path(sys.executable).parent / "ruff")
    known = f'lint.isort.known-first-party = ["{package}", "parkcarbon"]'
    tidy = [ruff, "check", "--isolated", "--quiet", "--select", "F401,I", "--config", known, "--fix", "-"]
    text = subprocess.run(tidy, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
    form = [ruff, "format", "--isolated", "--line-length", "132", "-"]
    return subprocess.run(form, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603 - as above


def docstring(text: str, indent: int = 4) -> str:
    """Returns a comment as a docstring: a first line that stands alone, and the rest below it.

    >>> docstring("Registers a park. The same again is answered as before.")
    'Registers a park.\\n\\n    The same again is answered as before.\\n    '
    """
    pad = "\n" + " " * indent
    first, rest = text, ""
    for ends in (".", ":;"):
        at = next((at for at, each in enumerate(text) if each in ends and text[at + 1 : at + 2] == " "), len(text))
        if at < 124 - indent:
            first, rest = text[:at].rstrip(".") + ".", text[at + 2 :]
            break
    if len(first) > 124 - indent:
        return pad.join(_wrapped(text, 120 - indent)) + pad
    if not rest:
        return first
    return first + "\n" + pad + pad.join(_wrapped(rest[0].upper() + rest[1:], 120 - indent)) + pad


def _wrapped(text: str, width: int) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, line]
