"""Names are the terms of the field: words that once stood for them stay out. The words of our own are in docs/glossary.md."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

GATEWAY: Mapping[str, str] = {
    "door": "request middleware",
    "doors": "authenticators",
    "entrance": "access services",
    "workshop": "key management",
    "reception": "sign-in",
    "issuing": "token issuance",
    "guest": "identity provider",
    "guests": "identity providers",
    "elsewhere": "oidc",
    "departure": "authorization request",
    "courier": "webhook sender",
    "keeping": "services",
    "hook": "webhook",
    "hooks": "webhooks",
    "hooking": "webhook services",
    "forgetting": "retention",
    "pulling": "conditional",
    "pulled": "representations",
    "wanted": "representation",
    "asking": "parameters",
    "asked": "request",
    "describing": "openapi",
    "wording": "messages",
    "upserting": "upsert",
    "deprecating": "deprecation",
    "standing": "rate-limit status",
    "heard": "incoming fact",
    "told": "values, settings",
    "said": "values",
    "seal": "encrypt, cipher",
    "seals": "cipher",
    "chance": "secret generator",
    "randomness": "secret generator",
}
"""A word of a name, and the standard term in its place."""

SERVICES: Mapping[str, str] = {
    "rooms": "ports",
    "outside": "ports",
    "registers": "registration cache",
    "standing": "rank",
    "standings": "ranks",
    "hear": "apply",
    "heard": "incoming fact",
    "away": "unavailable",
    "thing": "resource",
    "caught": "synced",
    "told": "values, settings",
    "said": "values",
    "asked": "request",
    "asking": "request",
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "gateway/src/gateway": GATEWAY,
    "services/accounting/src": SERVICES,
    "services/evaluation/src": SERVICES,
    "parkcopies/src": SERVICES,
}
"""The words that stay out of a folder. Whoever clears a folder adds it."""

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def names(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def found_in(folder: Path, words: Mapping[str, str]) -> list[str]:
    """Returns each name of a module, class or function that has a word of the list."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(folder.rglob("*.py"))
        if "migrations" not in path.parts
        for name in names(path)
        if {part.lower() for part in _PART.findall(name)} & words.keys()
    ]


@pytest.mark.parametrize("folder", WORDS)
def test_no_name_has_a_word_that_the_field_has_a_term_for(folder: str) -> None:
    assert found_in(ROOT / folder, WORDS[folder]) == []


@pytest.mark.parametrize(("name", "word"), [("RequestDoor", "door"), ("_told", "told"), ("hear_HOOKS", "hooks")])
def test_a_word_is_found_within_a_name(name: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "module.py").write_text(f"def {name}() -> None: ...\n", encoding="utf-8")
    assert found_in(tmp_path, {word: ""}) == [f"module.py: {name}"]


def test_the_glossary_has_every_word_once_and_in_order() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| \*\*([^*]+)\*\* \|", text, re.MULTILINE)
    assert words == sorted(set(words), key=str.casefold)
    assert words != []
