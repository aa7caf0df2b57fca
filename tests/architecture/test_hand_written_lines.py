"""A service costs few lines by hand outside of its contract and its own folder, and no file is too long to be read as a whole.

What is counted: lines of hand-written code of the gateway and of the client that name one rpc, message, route or field of a
service. Docstrings, comments and tests are not code. A name that the other service has too, or that operations of the platform
itself have, such as `park_id`, names no one service; a field whose name is one plain word, such as `score`, is named where it is
in quotes. A line counts once for each service that it names. Bodies and streams of rows, downloads, and the dialects of identifiers
are not counted: they are the modules of NOT_COUNTED.

`python -m tests.architecture.test_hand_written_lines` prints the counts, and each counted line.
"""

import io
import json
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.api import annotations_pb2  # type: ignore[import-untyped]  # ships no types

from parkcarbon.accounting.v1 import accounting_pb2
from parkcarbon.evaluation.v1 import evaluation_pb2

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {"accounting": accounting_pb2.DESCRIPTOR, "evaluation": evaluation_pb2.DESCRIPTOR}
LIMITS = {"gateway": 130, "client": 180}
LONGEST = 500
NOT_COUNTED = (
    # bodies of rows, and what becomes of them
    "gateway/**/api/reading/*.py",
    "gateway/**/api/receipts.py",
    "gateway/**/api/value_tables.py",
    "gateway/**/api/schemas/push.py",
    "gateway/**/api/routes/push.py",
    "gateway/**/api/routes/indicator_values.py",
    "gateway/**/adapters/upload_jobs.py",
    "gateway/**/adapters/accounting.py",
    "gateway/**/push/*.py",
    "client/**/aio/push.py",
    "client/**/activity*.py",
    "client/**/indicator_value*.py",
    "client/**/core/files.py",
    "client/**/core/whole_files.py",
    # downloads
    "gateway/**/templates.py",
    # of the database, where columns have names of their own
    "gateway/**/migrations/**/*.py",
)


@dataclass(frozen=True)
class Names:
    """What names a service: identifiers, plain words in quotes, and routes with empty braces."""

    identifiers: frozenset[str]
    words: frozenset[str]
    routes: frozenset[str]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _route(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path).removeprefix("/v1")


def _routes(contract: Any) -> Iterator[tuple[str, str]]:
    """Yields the operation and the path of each rpc that has one."""
    for service in contract.services_by_name.values():
        for rpc in service.methods:
            rule = rpc.GetOptions().Extensions[annotations_pb2.http]
            if verb := rule.WhichOneof("pattern"):
                yield _snake(rpc.name), getattr(rule, verb)


def _fields(contract: Any) -> set[str]:
    return {field.name for message in contract.message_types_by_name.values() for field in message.fields}


def _members(described: Any, schemas: Mapping[str, Any], seen: set[str]) -> Iterator[str]:
    """Yields the names of members and parameters of a part of the OpenAPI document."""
    if isinstance(described, list):
        for each in described:
            yield from _members(each, schemas, seen)
    if isinstance(described, dict):
        yield from described.get("properties", {})
        if "in" in described:
            yield described["name"]
        name = str(described.get("$ref", "")).rpartition("/")[2]
        if name and name not in seen:
            seen.add(name)
            yield from _members(schemas[name], schemas, seen)
        for each in described.values():
            yield from _members(each, schemas, seen)


@cache
def platform_members() -> frozenset[str]:
    """Returns the names of what operations have that are of no contract."""
    document = json.loads((ROOT / "client-ts" / "openapi.json").read_text(encoding="utf-8"))
    told = {operation for contract in CONTRACTS.values() for operation, _ in _routes(contract)}
    own = [each for path in document["paths"].values() for each in path.values() if each["operationId"] not in told]
    return frozenset(_members(own, document["components"]["schemas"], set()))


@cache
def names_of(service: str) -> Names:
    """Returns what names a service and nothing else."""
    contract = CONTRACTS[service]
    others = set().union(*(_fields(other) for name, other in CONTRACTS.items() if name != service))
    rpcs = {rpc.name for each in contract.services_by_name.values() for rpc in each.methods}
    messages = set(contract.message_types_by_name)
    found = {*rpcs, *map(_snake, rpcs), *messages, *(f"{m}Body" for m in messages), *(f"New{m}" for m in messages)}
    fields = _fields(contract) - others - platform_members() - {"page_size", "page_token"}
    words = frozenset(each for each in fields if "_" not in each)
    return Names(frozenset(found | (fields - words)), words, frozenset(_route(path) for _, path in _routes(contract)))


def is_generated(path: Path) -> bool:
    """Whether a file is written by `make gen`: it stands in a folder for that, or its first line says so."""
    if "generated" in path.parts or path.is_relative_to(ROOT / "proto" / "gen") or path.name == "schema.d.ts":
        return True
    with path.open(encoding="utf-8") as file:
        return bool(re.match(r'("""Generated|# Written) by ', file.readline()))


def named_lines(text: str, names: Names) -> list[int]:
    """Returns the lines of a module that name a service."""
    found: set[int] = set()
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        # a text that begins a statement is a docstring
        statement = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        if token.type == tokenize.NAME and token.string in names.identifiers:
            found.add(token.start[0])
        elif token.type == tokenize.STRING and not statement:
            quoted = re.sub(r"^\w*[\"']+|[\"']+$", "", token.string)
            if quoted in names.identifiers | names.words or _route(quoted) in names.routes:
                found.add(token.start[0])
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = token.type
    return sorted(found)


def counted(member: str, service: str) -> Iterator[tuple[Path, int, str]]:
    """Yields the lines of a member of the workspace that name a service."""
    left_out = {path for pattern in NOT_COUNTED for path in ROOT.glob(pattern)}
    for path in sorted((ROOT / member / "src").rglob("*.py")):
        if path not in left_out and not is_generated(path):
            text = path.read_text(encoding="utf-8")
            for line in named_lines(text, names_of(service)):
                yield path.relative_to(ROOT), line, text.splitlines()[line - 1].strip()


def hand_written() -> Iterator[Path]:
    """Yields the hand-written Python and TypeScript files outside of tests."""
    for suffix in ("*.py", "*.ts"):
        for path in ROOT.rglob(suffix):
            inside = path.relative_to(ROOT).parts
            if not ({"tests", "node_modules"} & set(inside) or inside[0].startswith(".") or is_generated(path)):
                yield path


@pytest.mark.parametrize("service", CONTRACTS)
@pytest.mark.parametrize("member", LIMITS)
def test_a_service_costs_few_lines_by_hand(member: str, service: str) -> None:
    found = list(counted(member, service))
    assert len(found) <= LIMITS[member], "\n".join(f"{path}:{line}: {text}" for path, line, text in found)


def test_every_module_that_is_not_counted_is_there() -> None:
    assert [pattern for pattern in NOT_COUNTED if not list(ROOT.glob(pattern))] == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param('"""RankParks is told here."""\n# RankParks\n', [], id="docstring_and_comment"),
        pytest.param('await ask("RankParks", {})\n', [1], id="rpc"),
        pytest.param('draws = 5\nmembers = {"draws": draws}\n', [2], id="plain_word_in_quotes"),
        pytest.param("def f(weight_set_id: str) -> None:\n    pass\n", [1], id="field"),
        pytest.param('Call("GET", path("/v1/regions/{code}/rankings", code=code))\n', [1], id="route"),
        pytest.param('x = {\n    "park_id": park_id,\n    "weight_set_id": "",\n}\n', [3], id="what_both_have_names_neither"),
    ],
)
def test_a_line_that_names_a_service_is_counted(text: str, lines: list[int]) -> None:
    assert named_lines(text, names_of("evaluation")) == lines


def test_no_file_is_too_long_to_be_read_as_a_whole() -> None:
    found = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in hand_written()}
    assert len(found) > 300
    assert {path for path, lines in found.items() if lines > LONGEST} == set()


def main() -> None:
    """Prints the counted lines and their numbers."""
    counts = {(member, service): list(counted(member, service)) for member in LIMITS for service in CONTRACTS}
    for (member, service), found in counts.items():
        for path, line, text in found:
            print(f"{service}: {path}:{line}: {text}")
        print(f"{member}, {service}: {len(found)} of at most {LIMITS[member]}")


if __name__ == "__main__":
    main()
