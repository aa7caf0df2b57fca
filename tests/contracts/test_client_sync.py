"""The blocking client is written from the asynchronous one, and what is committed is what the generator writes."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from client.generate_sync import PACKAGE, generated, to_sync

ORIGIN = PACKAGE / "aio" / "example.py"


def test_what_is_committed_is_what_the_generator_writes() -> None:
    committed = {path: path.read_text(encoding="utf-8") for path in PACKAGE.glob("sync/**/*.py")}
    assert committed == generated(), "run `make gen`"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("async def f() -> int:\n    return await g()\n", "def f() -> int:\n    return g()\n", id="await"),
        pytest.param(
            "async def f(path: Path) -> None:\n    await asyncio.to_thread(g, path, 1)\n    await asyncio.to_thread(path.stat)\n",
            "def f(path: Path) -> None:\n    g(path, 1)\n    path.stat()\n",
            id="thread",
        ),
        pytest.param(
            "async def f(items: AsyncIterator[int]) -> AsyncIterator[int]:\n    async for item in items:\n        yield item + 1\n",
            "def f(items: Iterator[int]) -> Iterator[int]:\n    for item in items:\n        yield item + 1\n",
            id="iterator",
        ),
        pytest.param(
            "async def __aenter__(self) -> Self:\n    await self.http.aclose()\n",
            "def __enter__(self) -> Self:\n    self.http.close()\n",
            id="context_manager",
        ),
        pytest.param("asynchronous = awaited = 1\n", "asynchronous = awaited = 1\n", id="other_words_stay"),
    ],
)
def test_a_module_loses_its_waiting_and_nothing_else(source: str, expected: str) -> None:
    note, _, text = to_sync(source, ORIGIN).partition("\n")
    assert note == "# Written by client/generate_sync.py from aio/example.py: edit that file and run `make gen`."
    assert text == expected


def _waits(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await) for node in ast.walk(tree))


def test_nothing_of_the_blocking_client_waits() -> None:
    assert [path.name for path, text in generated().items() if _waits(ast.parse(text))] == []


def _public_functions(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def test_each_call_has_a_name_of_its_own() -> None:
    names = Counter(name for path in PACKAGE.glob("**/*_calls.py") for name in _public_functions(path))
    assert names.total() > 80
    assert [name for name, count in names.items() if count > 1] == []
