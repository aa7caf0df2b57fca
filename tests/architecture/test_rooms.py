"""The rooms of the house, beyond what import-linter can say."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").is_file())
HOUSES = [*SERVICES, ROOT / "gateway"]
ROOMS = {"__init__.py", "py.typed", "main.py", "settings.py", "api", "events", "adapters", "application", "domain"}
NUMERICAL = {"numpy", "pandas", "polars", "scipy", "statsmodels", "sklearn"}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "base"}


def source_of(house: Path) -> Path:
    return house / "src" / house.name


def modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_the_layers_contract_names_every_service() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["type"] == "layers")
    assert layers["exhaustive"] is True
    assert sorted(layers["containers"]) == sorted(house.name for house in HOUSES)
    independence = next(contract for contract in contracts if contract["type"] == "independence")
    assert sorted(independence["modules"]) == sorted(house.name for house in HOUSES)


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: house.name)
def test_a_house_has_the_rooms_of_the_plan_and_no_others(house: Path) -> None:
    found = {path.name for path in source_of(house).iterdir() if path.name != "__pycache__"}
    assert found == ROOMS
    assert (house / "README.md").is_file()


def test_nothing_is_a_drawer() -> None:
    drawers = [
        path
        for member in (*HOUSES, ROOT / "kernel", ROOT / "chassis", ROOT / "parkcopies", ROOT / "client", ROOT / "devstack")
        for path in (member / "src").rglob("*")
        if path.stem in DRAWERS
    ]
    assert drawers == []


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: house.name)
def test_the_domain_imports_only_what_is_allowed(house: Path) -> None:
    # of the copies of parks only what neither wire nor storage is in: import-linter holds that
    allowed = set(sys.stdlib_module_names) | NUMERICAL | {"kernel", "parkcopies", house.name}
    for path, tree in modules(source_of(house) / "domain"):
        assert set(imported(tree)) <= allowed, path


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: house.name)
def test_only_application_commits(house: Path) -> None:
    """A unit of work's own `commit` is what application calls; nothing else may end a transaction."""
    for path, tree in modules(source_of(house)):
        if "application" in path.relative_to(source_of(house)).parts:
            continue
        inside_commit = {
            call
            for function in ast.walk(tree)
            if isinstance(function, ast.AsyncFunctionDef) and function.name == "commit"
            for call in ast.walk(function)
        }
        commits = [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "commit"
            and node not in inside_commit
        ]
        assert commits == [], path


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: house.name)
def test_clock_environment_and_chance_are_arguments(house: Path) -> None:
    forbidden = {"now", "utcnow", "today", "time", "getenv", "environ", "uuid4", "uuid1", "token_hex", "token_bytes", "random"}
    owners = {"datetime", "date", "time", "os", "uuid", "secrets", "random"}
    for path, tree in modules(source_of(house)):
        if path.name == "main.py":
            continue
        found = [
            f"{node.value.id}.{node.attr} in line {node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in owners
            and node.attr in forbidden
        ]
        found += [
            f"import of {alias.name} in line {node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in ("random", "secrets", "uuid", "os", "time")
            for alias in node.names
            if alias.name in forbidden
        ]
        assert found == [], path


def test_a_float_of_the_domain_says_its_unit() -> None:
    suffixes = ("_s", "_mg", "_mgce", "_t", "_kg", "_kwh", "_pct", "_deg", "_km2", "_cny", "ratio", "fraction")
    for house in HOUSES:
        for path, tree in modules(source_of(house) / "domain"):
            for function in ast.walk(tree):
                if isinstance(function, ast.FunctionDef):
                    arguments = [*function.args.args, *function.args.kwonlyargs]
                    floats = [a.arg for a in arguments if isinstance(a.annotation, ast.Name) and a.annotation.id == "float"]
                    assert all(name.endswith(suffixes) for name in floats), (path, function.name, floats)


def test_no_route_is_imported_by_another_module_of_its_room() -> None:
    """What two routes share stands outside of `routes/`, so that each can be read, moved and generated by itself."""
    package = "gateway.api.routes"
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, tree in modules(source_of(ROOT / "gateway"))
        if path.name != "app.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _full_names(node)
        if name.startswith(package)
    ]
    assert found == []


def _full_names(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def test_nothing_is_run_by_importing_a_package() -> None:
    mains = [path for house in HOUSES for path in source_of(house).rglob("__main__.py")]
    assert mains == []
