"""The API's description and the types made from it are what is checked in."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "client-ts"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """The script behind `make gen`."""
    spec = importlib.util.spec_from_file_location("generate_client_ts", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_description_is_the_one_that_is_checked_in(generate: ModuleType) -> None:
    stored, found = json.loads(generate.SNAPSHOT.read_text(encoding="utf-8")), json.loads(generate.description())
    changed = {path for path in {*stored["paths"], *found["paths"]} if stored["paths"].get(path) != found["paths"].get(path)}
    assert changed == set(), "the API has changed: run `make gen`, and look at client-ts/openapi.json"
    assert stored == found, "the API has changed: run `make gen`, and look at client-ts/openapi.json"


def test_operations_have_ids_of_their_own(generate: ModuleType) -> None:
    document = json.loads(generate.SNAPSHOT.read_text(encoding="utf-8"))
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


def test_the_types_are_made_from_the_description(generate: ModuleType) -> None:
    if shutil.which("node") is None or not generate.GENERATOR.exists():
        pytest.skip("NOT CHECKED: the TypeScript client; it needs node and `npm ci --prefix client-ts`")
    assert generate.TYPES.read_text(encoding="utf-8") == generate.types()
    done = subprocess.run(
        ["node", "node_modules/typescript/bin/tsc", "--noEmit"], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
