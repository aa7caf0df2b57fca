"""The API's description says everything that the API does."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.api.middleware import OPEN_PATHS


@pytest.fixture
async def document(served: Any) -> dict[str, Any]:
    async with served.client(None) as client:
        found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def has_example(content: dict[str, Any], document: dict[str, Any]) -> bool:
    if "example" in content or "examples" in content or content["schema"].get("format") == "binary":
        return True
    reference = content["schema"].get("$ref", "")
    return bool(document["components"]["schemas"].get(reference.rpartition("/")[2], {}).get("examples"))


async def test_the_routes_are_those_of_the_api(document: dict[str, Any]) -> None:
    park = "/v1/parks/{park}"
    assert {(method, path) for path, method, _ in operations(document)} == {
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("post", "/v1/parks"),
        ("get", "/v1/parks"),
        ("get", park),
        ("post", f"{park}/enterprises"),
        ("get", f"{park}/enterprises"),
        ("post", f"{park}/sources"),
        ("get", f"{park}/sources"),
        ("get", f"{park}/sources/{{source}}"),
        ("put", f"{park}/annual-figures/{{year}}"),
        ("get", f"{park}/annual-figures"),
        ("post", f"{park}/activity-records"),
        ("get", f"{park}/activity-records"),
        ("get", f"{park}/emissions"),
        ("get", f"{park}/indicators"),
        ("get", "/v1/factor-sets"),
        ("get", "/v1/factor-sets/{set}/factors"),
        ("post", f"{park}/sums:rebuild"),
        ("get", "/v1/jobs/{job}"),
        ("get", "/v1/indicator-systems"),
        ("post", "/v1/indicator-systems"),
        ("get", "/v1/indicator-systems/{system}"),
        ("post", "/v1/indicator-systems/{system}/threshold-sets"),
        ("post", "/v1/indicator-systems/{system}/weight-sets"),
        ("get", f"{park}/inventories"),
        ("post", f"{park}/inventories"),
        ("get", f"{park}/inventories/{{inventory}}"),
        ("get", f"{park}/inventories/{{inventory}}/lines"),
        ("post", f"{park}/inventories/{{inventory}}:replay"),
        ("get", f"{park}/inventories/{{inventory}}/findings"),
        ("post", f"{park}/inventories/{{inventory}}/findings"),
        ("post", f"{park}/inventories/{{inventory}}/findings/{{finding}}:answer"),
        ("post", f"{park}/inventories/{{inventory}}/findings/{{finding}}:close"),
        ("post", f"{park}/inventories/{{inventory}}:publish"),
        ("post", f"{park}/inventories/{{inventory}}:withdraw"),
        ("post", "/v1/region-releases"),
        ("get", "/v1/published/parks"),
        ("get", "/v1/published/parks/{park}/emissions"),
        ("get", "/v1/published/regions/{code}/emissions"),
        ("get", f"{park}/indicator-values"),
        ("post", f"{park}/indicator-values"),
        ("get", f"{park}/indicator-values.xlsx"),
        ("get", f"{park}/evaluations"),
        ("post", f"{park}/evaluations"),
        ("get", f"{park}/evaluations/{{evaluation}}"),
        ("get", f"{park}/evaluations/{{evaluation}}/report.pdf"),
        ("get", f"{park}/evaluations/{{evaluation}}/comparison"),
        ("post", f"{park}/evaluations/{{evaluation}}:plan"),
        ("get", "/v1/regions/{code}/rankings"),
        ("post", "/v1/evaluations:calculate"),
        ("post", "/v1/weights:compare-judgements"),
        ("post", "/v1/weights:summarise-rounds"),
        ("get", "/v1/changes"),
        ("get", "/v1/templates/activity-records.xlsx"),
        ("get", "/v1/caller"),
        ("get", "/v1/audit"),
        ("get", "/v1/audit"),
        ("get", "/v1/callers"),
        ("get", "/v1/callers/{caller}"),
        ("put", "/v1/callers/{caller}"),
        ("get", "/v1/api-keys"),
        ("post", "/v1/api-keys"),
        ("post", "/v1/api-keys/{key}:rotate"),
        ("delete", "/v1/api-keys/{key}"),
        ("post", "/v1/sign-in"),
        ("get", "/v1/sign-in/elsewhere"),
        ("get", "/v1/sign-in/callback"),
        ("get", "/v1/session"),
        ("delete", "/v1/session"),
        ("put", "/v1/callers/{caller}/login"),
        ("post", "/v1/password-resets"),
        ("post", "/v1/passwords"),
        ("post", "/v1/oauth/token"),
        ("post", "/v1/oauth/revoke"),
        ("get", "/.well-known/jwks.json"),
        ("get", "/.well-known/oauth-authorization-server"),
        ("get", "/v1/jobs/{job}/events"),
        ("get", "/v1/regions/{code}/parks"),
        ("get", "/v1/webhooks"),
        ("get", "/v1/documents"),
        ("get", "/v1/documents/{document}"),
        ("put", "/v1/documents/{document}"),
        ("get", "/v1/documents/{document}/file"),
        ("put", "/v1/documents/{document}/file"),
        ("get", "/v1/document-statistics"),
        ("post", "/v1/webhooks"),
        ("get", "/v1/webhooks/{webhook}"),
        ("delete", "/v1/webhooks/{webhook}"),
        ("post", "/v1/webhooks/{webhook}:resume"),
        ("get", "/v1/jobs/{job}/results"),
        ("get", "/v1/mapping-profiles"),
        ("get", "/v1/mapping-profiles/{profile}"),
        ("put", "/v1/mapping-profiles/{profile}"),
    }


async def test_every_operation_has_examples_and_words(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation["description"], (path, method)
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            assert has_example(content, document), (path, method, media)
        good = [response for code, response in operation["responses"].items() if code < "300"]
        assert good or "303" in operation["responses"]
        for response in good:
            for media, content in response["content"].items():
                assert has_example(content, document), (path, method, media)


async def test_every_refusal_is_a_problem_with_an_example(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        if not path.startswith("/v1/"):
            continue
        codes = set(operation["responses"])
        if path in OPEN_PATHS:
            assert "security" not in operation
            continue
        assert {"401", "403", "422", "503"} <= codes, (path, method)
        assert operation["security"] == [{name: []} for name in ("bearer", "apiKey", "signature", "session", "clientCredentials")]
        if "{park}" in path:
            assert "404" in codes
        if "requestBody" in operation:
            assert {"400", "408", "413", "415", "429"} <= codes
        for code in codes - {"200", "201", "202", "304"}:
            content = operation["responses"][code]["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert content["example"]["status"] == int(code)


async def test_every_reference_resolves_and_nothing_of_the_frameworks_own_errors_is_left(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for entry in value.values():
                yield from references(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from references(entry)

    found = {reference.rpartition("/")[2] for reference in references(document)}
    assert found <= set(schemas)


async def test_the_examples_of_bodies_are_accepted(served: Any, document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    async with served.client() as client:
        for path, method, name in (
            ("/v1/parks", "POST", "ParkBody"),
            ("/v1/parks/ganzhou-etdz/enterprises", "POST", "EnterpriseBody"),
            ("/v1/parks/ganzhou-etdz/sources", "POST", "SourceBody"),
            ("/v1/parks/ganzhou-etdz/annual-figures/2022", "PUT", "AnnualFiguresBody"),
        ):
            for example in schemas[name]["examples"]:
                assert (await client.request(method, path, json=example)).is_success, path
        push = document["paths"]["/v1/parks/{park}/activity-records"]["post"]["requestBody"]["content"]
        for media, content in push.items():
            if content["schema"].get("format") == "binary":
                continue
            example = content["example"]
            path = "/v1/parks/ganzhou-etdz/activity-records"
            answer = (
                await client.post(path, json=example)
                if media == "application/json"
                else await client.post(path, content=example, headers={"Content-Type": media})
            )
            assert (answer.status_code, answer.json()["rejected"]) == (200, 0), media


async def test_the_page_for_people_is_there(served: Any) -> None:
    async with served.client(None) as client:
        page = await client.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text
