"""What crosses a process: every topic has an owner, every fact an example, and the stubs are those of the contracts."""

import ast
import filecmp
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import Message

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
EXAMPLES = sorted((PROTO / "examples").glob("*/*.json"))
HTTP_EXAMPLES = sorted((PROTO / "http" / "examples").glob("*.json"))
DESCRIPTION = json.loads((ROOT / "client-ts" / "openapi.json").read_text(encoding="utf-8"))
GENERATED = (
    "client/src/parkcarbon_client/aio/generated",
    "client/src/parkcarbon_client/generated",
    "gateway/src/gateway/adapters/generated",
    "gateway/src/gateway/api/generated",
    "proto/gen",
)
"""The folders that hold nothing but what is written from the contracts."""

TOPIC_NAME = re.compile(r"[a-z_]+\.[a-z_]+\.v[0-9]+")


def topics() -> dict[str, dict[str, Any]]:
    """The topic files, by the name of the topic."""
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((PROTO / "topics").glob("*.yaml"))}


def services() -> dict[str, Path]:
    """The source folder of every service, by its name."""
    folders = [*(ROOT / "services").glob("*/src/*"), ROOT / "gateway" / "src" / "gateway"]
    return {folder.name: folder for folder in folders if (folder / "main.py").exists()}


def message_type(full_name: str) -> type[Message]:
    """Imports the stub of a fact and returns its class."""
    package, _, _ = full_name.rpartition(".")
    for module in sorted((PROTO / "gen" / Path(*package.split("."))).glob("*_pb2.py")):
        importlib.import_module(f"{package}.{module.stem}")
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(full_name))


def texts_of(module: Path) -> Iterator[str]:
    """Every text that a module writes outside of its documentation."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def names_of(module: Path) -> set[str]:
    """Every attribute that a module uses, such as ParkRegistered of events_pb2.ParkRegistered."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def consumers(folder: Path) -> list[Path]:
    """The modules that consume facts for a service: its own, and that of the package of copies where it keeps them."""
    own = folder / "events" / "consume.py"
    if not own.exists():
        return []
    copies = ROOT / "parkcopies" / "src" / "parkcopies" / "consume.py"
    return [own, copies] if "from parkcopies import consume" in own.read_text(encoding="utf-8") else [own]


def topics_in(folder: Path) -> set[str]:
    """The topics that the modules of a folder name."""
    return {text for module in folder.rglob("*.py") for text in texts_of(module) if TOPIC_NAME.fullmatch(text)}


def test_there_are_examples_and_topics() -> None:
    assert len(EXAMPLES) >= 7
    assert len(topics()) >= 3


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_decodes_and_says_everything_it_decodes_to(path: Path) -> None:
    given = json.loads(path.read_text(encoding="utf-8"))
    (full_name,) = [name for name in topics()[path.parent.name]["messages"] if name.rpartition(".")[2] == path.stem]
    fact = json_format.ParseDict(given, message_type(full_name)(), ignore_unknown_fields=False)
    assert json_format.MessageToDict(fact) == given
    again = message_type(full_name)()
    again.ParseFromString(fact.SerializeToString())
    assert again == fact


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_has_the_key_of_its_topic(path: Path) -> None:
    key = re.sub("_([a-z])", lambda found: found[1].upper(), topics()[path.parent.name]["key"])
    assert json.loads(path.read_text(encoding="utf-8"))[key]


def test_every_fact_of_every_topic_has_an_example_and_no_example_has_another() -> None:
    wanted = {(name, fact.rpartition(".")[2]) for name, topic in topics().items() for fact in topic["messages"]}
    assert {(path.parent.name, path.stem) for path in EXAMPLES} == wanted


def test_every_fact_of_the_contracts_is_on_a_topic() -> None:
    listed = [fact for topic in topics().values() for fact in topic["messages"]]
    assert len(listed) == len(set(listed))
    declared = set()
    parts = set()
    for source in PROTO.glob("parkcarbon/*/events/v*/*.proto"):
        package = ".".join(source.parent.relative_to(PROTO).parts)
        text = source.read_text(encoding="utf-8")
        declared |= {f"{package}.{name}" for name in re.findall(r"^message (\w+)", text, re.MULTILINE)}
        # A message that others hold as a field is a part of a fact and none itself.
        parts |= {f"{package}.{name}" for name in re.findall(r"^ +(?:repeated )?([A-Z]\w+) \w+ = ", text, re.MULTILINE)}
    assert set(listed) == declared - parts


def test_a_topic_is_named_for_its_owner_who_publishes_to_it() -> None:
    for name, topic in topics().items():
        assert name.split(".")[0] == topic["owner"]
        assert topic["producers"] == [topic["owner"]]
        assert topic["retention_days"] >= 1
        assert topic["partitions"] >= 1


@pytest.mark.parametrize("service", services())
def test_a_service_publishes_to_the_topics_that_list_it_and_tells_their_facts(service: str) -> None:
    module = services()[service] / "events" / "publish.py"
    published = {text for text in texts_of(module) if TOPIC_NAME.fullmatch(text)} if module.exists() else set()
    assert published == {name for name, topic in topics().items() if service in topic["producers"]}
    told = names_of(module) if module.exists() else set()
    assert {fact.rpartition(".")[2] for name in published for fact in topics()[name]["messages"]} <= told


@pytest.mark.parametrize("service", services())
def test_a_service_consumes_the_topics_that_list_it_and_handles_their_facts(service: str) -> None:
    modules = consumers(services()[service])
    consumed = {text for module in modules for text in texts_of(module) if TOPIC_NAME.fullmatch(text)}
    assert consumed == {name for name, topic in topics().items() if service in topic["consumers"]}
    handled = {name for module in modules for name in names_of(module)}
    assert {fact.rpartition(".")[2] for name in consumed for fact in topics()[name]["messages"]} <= handled


def test_every_listed_producer_and_consumer_is_a_service_and_no_topic_is_named_elsewhere() -> None:
    known = services()
    for topic in topics().values():
        assert {*topic["producers"], *topic["consumers"]} <= set(known)
    for service, folder in known.items():
        assert topics_in(folder) == topics_in(folder / "events"), service
        assert topics_in(folder) <= set(topics()), service


def test_the_registry_that_ships_is_that_of_the_topic_files() -> None:
    shipped = json.loads((files("parkcarbon") / "topics.json").read_bytes())["topics"]
    assert shipped == [{"name": name, **topic} for name, topic in topics().items()]


def test_the_contracts_keep_the_rules_of_buf() -> None:
    # buf reads the imported contracts from a folder that git does not have.
    _run("import generate; generate.copy_imported()")
    buf = Path(sys.executable).parent / "buf"
    done = subprocess.run([buf, "lint"], cwd=PROTO, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_committed_code_is_what_the_generator_writes(tmp_path: Path) -> None:
    _run(f"import sys, generate; sys.argv = ['generate.py', '--out', {str(tmp_path)!r}]; generate.main()")
    written = _tree(tmp_path)
    # The blocking client is written from the asynchronous one by another generator; see test_client_sync.
    committed = [f"{folder}/{path}" for folder in GENERATED for path in _tree(ROOT / folder)]
    assert sorted(committed) == written
    _, differing, unread = filecmp.cmpfiles(ROOT, tmp_path, written, shallow=False)
    assert (differing, unread) == ([], []), "run `make gen`"


def _run(script: str) -> None:
    """Runs Python beside the generator, which runs plugins that stand beside the interpreter."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=PROTO, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def _tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


@pytest.mark.parametrize("path", HTTP_EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_the_http_api_is_what_its_schema_says(path: Path) -> None:
    schema = {**DESCRIPTION["components"]["schemas"][path.stem], "components": DESCRIPTION["components"]}
    example = json.loads(path.read_text(encoding="utf-8"))
    assert schema["examples"] == [example]
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(example)] == []
