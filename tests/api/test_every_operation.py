"""Every operation of the OpenAPI document, with what the document allows: no 5xx, and no answer that it does not name.

Examples are few and always the same, so that a run of the stage says whether the code has changed and not what chance found; more
are asked for by PARKCARBON_API_EXAMPLES.
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.system.conftest import Platform, register

EXAMPLES = int(os.environ.get("PARKCARBON_API_EXAMPLES", "12"))
PARTS = 2
"""Each may run beside the other, on a platform of its own."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PARK = "tried"
KNOWN = {"park": PARK, "set": "wang-2024", "code": "3607", "year": 2022}


@schemathesis.serializer("text/csv", "application/x-ndjson")
def as_text(_context: Any, value: Any) -> bytes:
    """Writes what was made up for a text format."""
    return str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def operations(platform: Platform) -> list[Any]:
    """Every operation of the running platform."""
    with platform.client("platform_operator") as client:
        register(client, PARK)
        document = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    found: list[Any] = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        found.append(result.ok())
    assert len(found) == sum(len(methods) for methods in document["paths"].values())
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_no_operation_fails_or_answers_what_is_not_described(platform: Platform, operations: list[Any], part: int) -> None:
    own = operations[part::PARTS]
    token = platform.connection["tokens"]["platform_operator"]
    refused: list[str] = []
    answered = ""
    tried = 0

    def try_out(operation: Any) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,  # other processes share the machine
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), there=st.booleans())
        def run(case: Any, there: bool) -> None:
            nonlocal answered, tried
            tried += 1
            if there:
                # Ids that exist, so that not every answer is 404.
                case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters or () if name in KNOWN})
                if case.query and "from" in case.query:
                    case.query.update({"from": "2022", "to": "2023"})
            if case.query:
                # What it leaves out of an answer is not described member by member.
                case.query.pop("fields", None)
            response = case.call(base_url=platform.connection["url"], headers={"Authorization": f"Bearer {token}"}, timeout=60)
            answered = f"{response.status_code} {response.content[:300]!r}"
            case.validate_response(response, checks=CHECKS)

        run()

    for operation in own:
        try:
            try_out(operation)
        except BaseExceptionGroup as group:
            refused.append(f"{operation.label}: {group.exceptions[0]}, answered {answered}")
        except schemathesis.errors.SchemathesisError as error:
            refused.append(f"{operation.label}: {error}")
        except Exception as error:
            refused.append(f"{operation.label}: {type(error).__name__} {error}")
    assert not refused, "\n\n".join(refused)
    assert tried >= len(own)
