"""The numbers of OWASP API Security Top 10 (2023) that are not about objects and roles, over every operation of the description.

| number | where |
|---|---|
| API1 object level, API3 property level, API5 function level | test_probes.py, test_access.py |
| API2 authentication | test_access.py; test_access.py, test_oidc.py and test_people.py of gateway/tests/integration |
| API4 resource consumption | here; tests/system/test_bad_input.py, gateway/tests; quotas in its test_audit.py |
| API6 business flows | here: guessing passwords and codes |
| API7 server-side request forgery | here; keys and addresses in tokens in gateway/tests/integration |
| API8 misconfiguration, API9 inventory | here |
| API10 consumption of other APIs | gateway/tests/integration/test_oidc.py: what an issuer answers is not believed |
"""

import pytest

from tests.security.conftest import Attacked
from tests.security.rules import OPEN, RULES

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_api4_no_listing_gives_out_a_page_without_bounds(attacked: Attacked) -> None:
    tried = 0
    for name, method, path, operation in attacked.operations():
        sizes = {entry["name"] for entry in operation.get("parameters", ())} & {"page_size", "limit"}
        for size in sizes:
            address = path.format_map({**attacked.objects, "set": "wang-2024", "year": 2022, "code": "36"})
            for value in ("1000000000", "-1", "0", "9" * 400, "1e3", "NaN"):
                answer = await attacked.operator.request(method, address, params={size: value})
                assert (answer.status_code, answer.json()["reason"]) == (422, "FIELDS_INVALID"), (name, value)
            tried += 1
    assert tried >= 8


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"[" * 60_000, {400}, id="deep"),
        pytest.param(b'{"a":' * 10_000, {400}, id="deep_objects"),
        pytest.param(b'{"name":"' + b"x" * 100_000 + b'"}', {413}, id="large"),
        pytest.param(b'{"name":NaN}', {400}, id="nan"),
        pytest.param(b'{"name":"a","name":"b"}', {400}, id="a_member_twice"),
        pytest.param(b"\xff\xfe{}", {400, 422}, id="not_utf8"),
        pytest.param(b"", {400, 422}, id="empty"),
        pytest.param(b'{"name":"\\ud800"}', {400, 422}, id="half_a_surrogate_pair"),
    ],
)
async def test_api4_a_body_that_nobody_should_read_is_refused_by_every_operation(
    attacked: Attacked, content: bytes, expected: set[int]
) -> None:
    tried = 0
    for name, method, path, operation in attacked.operations():
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if "$ref" not in schema:
            continue
        answer = await attacked.ask(
            method,
            path,
            operation,
            "platform_operator",
            attacked.objects,
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in expected, (name, answer.text)
        assert len(answer.content) < 5_000, name
        tried += 1
    assert tried >= 8


async def test_api6_guessing_is_slowed_down_whoever_guesses(attacked: Attacked) -> None:
    answer = await attacked.anyone.post("/v1/sign-in", json={"login": "eve@example.com", "password": "guess"})
    assert answer.status_code == 401
    assert answer.headers["ratelimit-policy"] == '"requests";q=600;w=60'


@pytest.mark.parametrize(
    "issuer",
    ["http://169.254.169.254/latest", "http://127.0.0.1:5432", "file:///etc/passwd", "https://evil.test", "//evil.test", ""],
)
async def test_api7_nobody_is_sent_and_nothing_is_fetched_where_a_caller_says(attacked: Attacked, issuer: str) -> None:
    answer = await attacked.anyone.get("/v1/sign-in/elsewhere", params={"issuer": issuer})
    assert answer.status_code == 422
    assert "location" not in answer.headers


async def test_api8_every_answer_has_the_headers_that_confine_it(attacked: Attacked) -> None:
    for name, method, path, operation in attacked.operations():
        answer = await attacked.ask(method, path, operation, None, attacked.objects)
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["x-frame-options"] == "DENY", name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert "server" not in answer.headers, name
        assert "access-control-allow-origin" not in answer.headers, name
        if path.startswith("/v1/"):
            assert answer.headers["cache-control"] == "no-store", name
            assert "default-src 'none'" in answer.headers["content-security-policy"], name


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PATCH", "OPTIONS", "PROPFIND"])
async def test_api8_no_other_method_does_anything(attacked: Attacked, method: str) -> None:
    answer = await attacked.operator.request(method, "/v1/parks")
    assert (answer.status_code, answer.json()["reason"]) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/%2e%2e/openapi.json", "/v1//parks", "/v1/parks/", "/V1/parks", "/v1/parks%2fours", "/metrics", "/.git/config"],
)
async def test_api8_no_spelling_of_an_address_gets_past_the_door(attacked: Attacked, path: str) -> None:
    answer = await attacked.anyone.get(path)
    assert answer.status_code in (401, 404)
    assert "ours" not in answer.text.replace("/v1/parks%2fours", "").replace("/v1/parks/ours", "")


async def test_api9_nothing_is_served_that_is_not_described(attacked: Attacked) -> None:
    served: set[str] = set()
    for route in attacked.platform.gateway.app.routes:
        served.update(f"{method} {route.path}" for method in getattr(route, "methods", None) or ())  # type: ignore[attr-defined]
    pages = {"GET /docs", "GET /docs/oauth2-redirect", "GET /openapi.json", "HEAD /openapi.json"}
    assert served - pages <= set(RULES)


async def test_api9_nothing_but_what_is_open_answers_a_stranger(attacked: Attacked) -> None:
    assert sum(rule.roles == OPEN for rule in RULES.values()) == 11
