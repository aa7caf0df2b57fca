"""Callers, keys and tokens over HTTP, against a real database."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chassis.clock import FixedClock
from gateway.domain.access.signing import SCHEME, RequestHead, canonical, signature
from gateway.domain.limits import Limits

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MILL = {"name": "Mill", "roles": ["enterprise"], "enterprises": ["etdz/mill"]}
Serve = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def api(serve: Serve, clock: FixedClock) -> AsyncIterator[Any]:
    async with serve(Limits(), clock=clock) as running:
        yield running


async def registered(api: Any, caller_id: str = "mes", body: dict[str, Any] = MILL) -> None:
    async with api.client("operator-token") as operator:
        assert (await operator.put(f"/v1/callers/{caller_id}", json=body)).status_code in (200, 201)


async def key(api: Any, kind: str = "api", caller_id: str = "mes", **more: Any) -> dict[str, Any]:
    async with api.client("operator-token") as operator:
        answer = await operator.post("/v1/api-keys", json={"caller_id": caller_id, "kind": kind, "name": "k", **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


async def ask(api: Any, method: str = "GET", path: str = "/v1/caller", **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=api.url) as client:
        found: httpx.Response = await client.request(method, path, **more)
        return found


async def bearer(api: Any, token: str, path: str = "/v1/caller") -> httpx.Response:
    return await ask(api, path=path, headers={"Authorization": f"Bearer {token}"})


class TestCallers:
    async def test_a_caller_is_registered_read_and_changed(self, api: Any) -> None:
        async with api.client("operator-token") as operator:
            new = await operator.put("/v1/callers/mes", json=MILL)
            again = await operator.put("/v1/callers/mes", json={**MILL, "name": "Mill 2"})
            read = await operator.get("/v1/callers/mes")
            listed = (await operator.get("/v1/callers")).json()
        assert (new.status_code, new.headers["Location"], again.status_code) == (201, "/v1/callers/mes", 200)
        assert read.json() == {**MILL, "name": "Mill 2", "caller_id": "mes", "tenant_id": "ganzhou"} | {
            "active": True,
            "registered_time": "2026-11-21T12:00:00Z",
        }
        assert [each["caller_id"] for each in listed["callers"]] == ["mes"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            pytest.param({"roles": ["region_reader"]}, "regions", id="a_region_reader_needs_regions"),
            pytest.param({"roles": ["region_reader"], "regions": []}, "regions", id="none_is_not_some"),
            pytest.param({"roles": ["enterprise"], "parks": ["etdz"]}, "enterprises", id="an_enterprise_needs_enterprises"),
            pytest.param({"roles": ["verifier"]}, "parks", id="a_verifier_needs_parks"),
            pytest.param({"roles": ["platform_operator"], "parks": ["etdz"]}, "parks", id="an_operator_is_bound_by_nothing"),
            pytest.param({"roles": []}, "roles", id="a_caller_has_a_role"),
            pytest.param({"roles": ["root"]}, "roles.0", id="there_is_no_other_role"),
            pytest.param({"roles": ["region_reader"], "regions": ["3%"]}, "regions.0", id="a_region_is_digits"),
            pytest.param({"roles": ["enterprise"], "enterprises": ["mill"]}, "enterprises.0", id="an_enterprise_is_of_a_park"),
            pytest.param({"roles": ["reader"], "tenant_id": "nanchang"}, "tenant_id", id="the_tenant_comes_from_the_credential"),
            pytest.param({"roles": ["reader"], "issuer": "https://idp.test"}, "external_subject", id="an_issuer_needs_a_subject"),
        ],
    )
    async def test_what_is_not_right_is_named(self, api: Any, body: dict[str, Any], field: str) -> None:
        async with api.client("operator-token") as operator:
            answer = await operator.put("/v1/callers/x", json={"name": "X", **body})
        assert answer.status_code == 422
        assert field in [each["field"] for each in answer.json()["errors"]]

    async def test_only_an_operator_of_the_tenant_registers_and_reads(self, api: Any) -> None:
        await registered(api)
        for token, expected in (("manager-token", 403), ("reader-token", 403), ("stranger-token", 404)):
            async with api.client(token) as client:
                assert (await client.get("/v1/callers/mes")).status_code == expected
        async with api.client("stranger-token") as stranger:
            assert (await stranger.get("/v1/callers")).json()["callers"] == []
            assert (await stranger.get("/v1/api-keys")).json()["api_keys"] == []

    async def test_a_caller_that_is_made_inactive_is_kept_out(self, api: Any) -> None:
        await registered(api)
        made = await key(api)
        assert (await bearer(api, made["api_key"])).status_code == 200
        await registered(api, body={**MILL, "active": False})
        assert (await bearer(api, made["api_key"])).json()["reason"] == "TOKEN_UNKNOWN"

    async def test_pages_hold_each_caller_once(self, api: Any) -> None:
        for name in ("a", "b", "c"):
            await registered(api, name)
        found: list[str] = []
        token = ""
        async with api.client("operator-token") as operator:
            while True:
                page = (await operator.get("/v1/callers", params={"page_size": 2, "page_token": token})).json()
                found += [each["caller_id"] for each in page["callers"]]
                if not (token := page["next_page_token"]):
                    break
        assert found == ["a", "b", "c"]


class TestKeys:
    async def test_a_key_stands_for_its_caller_in_either_header(self, api: Any) -> None:
        await registered(api)
        made = await key(api, scopes=["read_own"])
        expected = {
            "caller_id": "mes",
            "tenant_id": "ganzhou",
            "roles": ["enterprise"],
            "scopes": ["read_own"],
            "enterprises": ["etdz/mill"],
        }
        assert (await bearer(api, made["api_key"])).json() == expected
        assert (await ask(api, headers={"X-Api-Key": made["api_key"]})).json() == expected

    async def test_neither_secret_nor_digest_is_shown_again(self, api: Any) -> None:
        await registered(api)
        made = await key(api)
        async with api.client("operator-token") as operator:
            listed = (await operator.get("/v1/api-keys", params={"caller": "mes"})).text
        assert made["key_id"] in listed
        assert made["secret"] not in listed
        assert hashlib.sha256(made["secret"].encode()).hexdigest() not in listed
        assert made["secret"] not in api.log.getvalue()

    async def test_a_scope_is_required(self, api: Any) -> None:
        await registered(api)
        made = await key(api, scopes=["record"])
        answer = await bearer(api, made["api_key"], "/v1/parks")
        assert (answer.status_code, answer.json()["reason"]) == (403, "SCOPE_MISSING")

    async def test_a_key_ends(self, api: Any, clock: FixedClock) -> None:
        await registered(api)
        made = await key(api, expires_time="2026-11-22T12:00:00Z")
        clock.advance(timedelta(hours=24) - timedelta(seconds=1))
        assert (await bearer(api, made["api_key"])).status_code == 200
        clock.advance(timedelta(seconds=1))
        assert (await bearer(api, made["api_key"])).status_code == 401

    @pytest.mark.parametrize("end", ["2026-11-21T12:00:00Z", "2028-12-01T00:00:00Z", "2027-01-01T00:00:00", "tomorrow"])
    async def test_an_end_out_of_range_is_refused(self, api: Any, end: str) -> None:
        await registered(api)
        async with api.client("operator-token") as operator:
            answer = await operator.post("/v1/api-keys", json={"caller_id": "mes", "name": "k", "expires_time": end})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expires_time")

    async def test_a_rotated_key_works_for_a_day_beside_the_new_one(self, api: Any, clock: FixedClock) -> None:
        await registered(api)
        old = await key(api, scopes=["read_own"])
        async with api.client("operator-token") as operator:
            new = (await operator.post(f"/v1/api-keys/{old['key_id']}:rotate")).json()
        assert (new["scopes"], new["replaces"]["key_id"]) == (["read_own"], old["key_id"])
        for each in (old, new):
            assert (await bearer(api, each["api_key"])).status_code == 200
        clock.advance(timedelta(days=1))
        assert [(await bearer(api, each["api_key"])).status_code for each in (old, new)] == [401, 200]

    async def test_a_revoked_key_opens_nothing_and_stays_listed(self, api: Any) -> None:
        await registered(api)
        made = await key(api)
        async with api.client("operator-token") as operator:
            first = (await operator.delete(f"/v1/api-keys/{made['key_id']}")).json()
            again = (await operator.delete(f"/v1/api-keys/{made['key_id']}")).json()
        assert first == again
        assert first["revoked_time"] == "2026-11-21T12:00:00Z"
        assert (await bearer(api, made["api_key"])).status_code == 401

    async def test_a_caller_manages_its_own_keys_and_no_others(self, api: Any) -> None:
        await registered(api)
        await registered(api, "other")
        mine, others = await key(api), await key(api, caller_id="other")
        headers = {"X-Api-Key": mine["api_key"]}
        made = await ask(api, "POST", "/v1/api-keys", json={"name": "second"}, headers=headers)
        assert (made.status_code, made.json()["caller_id"]) == (201, "mes")
        listed = (await ask(api, path="/v1/api-keys", headers=headers)).json()["api_keys"]
        assert {each["caller_id"] for each in listed} == {"mes"}
        for method, path, body in (
            ("DELETE", f"/v1/api-keys/{others['key_id']}", None),
            ("POST", f"/v1/api-keys/{others['key_id']}:rotate", None),
        ):
            answer = await ask(api, method, path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["reason"]) == (404, "KEY_NOT_FOUND")
        forbidden = await ask(api, "POST", "/v1/api-keys", json={"name": "x", "caller_id": "other"}, headers=headers)
        assert forbidden.status_code == 403

    async def test_a_narrow_key_makes_and_rotates_no_wider_one(self, api: Any) -> None:
        await registered(api)
        wide = await key(api)
        narrow = await key(api, scopes=["manage_keys", "read_own"])
        headers = {"X-Api-Key": narrow["api_key"]}
        wider = await ask(api, "POST", "/v1/api-keys", json={"name": "x", "scopes": ["record"]}, headers=headers)
        assert (wider.status_code, wider.json()["errors"][0]["field"]) == (422, "scopes")
        same = await ask(api, "POST", "/v1/api-keys", json={"name": "x"}, headers=headers)
        assert same.json()["scopes"] == ["manage_keys", "read_own"]
        assert (await ask(api, "POST", f"/v1/api-keys/{wide['key_id']}:rotate", headers=headers)).status_code == 404

    async def test_a_key_is_good_for_one_kind_of_request(self, api: Any) -> None:
        await registered(api)
        api_key, client = await key(api), await key(api, "client")
        assert (await bearer(api, f"{client['key_id']}.{client['secret']}")).status_code == 401
        assert (await token(api, api_key)).status_code == 401

    async def test_two_credentials_are_refused(self, api: Any) -> None:
        await registered(api)
        made = await key(api)
        headers = {"X-Api-Key": made["api_key"], "Authorization": f"Bearer {made['api_key']}"}
        assert (await ask(api, headers=headers)).json()["reason"] == "CREDENTIALS_AMBIGUOUS"


async def token(api: Any, client: dict[str, Any], grant_type: str = "client_credentials", **fields: str) -> httpx.Response:
    form = {"grant_type": grant_type, **fields}
    return await ask(api, "POST", "/v1/oauth/token", data=form, auth=(client["key_id"], client["secret"]))


class TestTokens:
    @pytest.fixture
    async def client(self, api: Any) -> dict[str, Any]:
        await registered(api)
        return await key(api, "client", scopes=["read_own", "record"])

    async def test_an_access_token_lives_for_a_quarter_of_an_hour(
        self, api: Any, clock: FixedClock, client: dict[str, Any]
    ) -> None:
        answer = await token(api, client)
        given = answer.json()
        assert (given["token_type"], given["expires_in"], given["scope"]) == ("Bearer", 900, "read_own record")
        assert answer.headers["cache-control"] == "no-store"
        assert "refresh_token" not in given
        assert (await bearer(api, given["access_token"])).json()["scopes"] == ["read_own", "record"]
        clock.advance(timedelta(seconds=899))
        assert (await bearer(api, given["access_token"])).status_code == 200
        clock.advance(timedelta(seconds=1))
        assert (await bearer(api, given["access_token"])).json()["reason"] == "TOKEN_UNKNOWN"

    async def test_a_token_is_narrowed_to_what_was_asked_for(self, api: Any, client: dict[str, Any]) -> None:
        given = (await token(api, client, scope="read_own")).json()
        assert given["scope"] == "read_own"
        assert (await bearer(api, given["access_token"])).json()["scopes"] == ["read_own"]

    @pytest.mark.parametrize("scope", ["rebuild", "read_own everything", "manage_callers"])
    async def test_a_scope_beyond_the_clients_is_refused(self, api: Any, client: dict[str, Any], scope: str) -> None:
        answer = await token(api, client, scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")

    async def test_the_form_names_the_client_as_well(self, api: Any, client: dict[str, Any]) -> None:
        form = {"grant_type": "client_credentials", "client_id": client["key_id"], "client_secret": client["secret"]}
        assert (await ask(api, "POST", "/v1/oauth/token", data=form)).status_code == 200

    @pytest.mark.parametrize(
        ("content", "media", "error"),
        [
            pytest.param(b"scope=x", "application/x-www-form-urlencoded", "invalid_request", id="no_grant_type"),
            pytest.param(
                b"grant_type=password", "application/x-www-form-urlencoded", "unsupported_grant_type", id="another_grant_type"
            ),
            pytest.param(b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded", "invalid_request", id="a_field_twice"),
            pytest.param(b'{"grant_type":"client_credentials"}', "application/json", "invalid_request", id="json"),
            pytest.param(b"grant_type=%ff", "application/x-www-form-urlencoded", "invalid_request", id="not_utf8"),
            pytest.param(b"a=" * 100, "application/x-www-form-urlencoded", "invalid_request", id="too_many_fields"),
        ],
    )
    async def test_a_malformed_request_is_refused(self, api: Any, content: bytes, media: str, error: str) -> None:
        answer = await ask(api, "POST", "/v1/oauth/token", content=content, headers={"Content-Type": media})
        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert answer.json()["error_description"]

    @pytest.mark.parametrize("secret", ["", "A" * 43, "秘密"])
    async def test_a_wrong_secret_is_refused_and_says_how_to_come(self, api: Any, client: dict[str, Any], secret: str) -> None:
        answer = await token(api, {**client, "secret": secret})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic ")

    async def test_a_refresh_token_is_good_for_one_exchange(self, api: Any, client: dict[str, Any]) -> None:
        first = (await token(api, client, scope="read_own offline_access")).json()
        second = (await token(api, client, "refresh_token", refresh_token=first["refresh_token"])).json()
        assert (await bearer(api, second["access_token"])).json()["scopes"] == ["read_own"]
        assert second["refresh_token"] != first["refresh_token"]

    async def test_a_refresh_token_that_comes_again_ends_its_whole_family(self, api: Any, client: dict[str, Any]) -> None:
        first = (await token(api, client, scope="offline_access")).json()["refresh_token"]
        second = (await token(api, client, "refresh_token", refresh_token=first)).json()["refresh_token"]
        other = (await token(api, client, scope="offline_access")).json()["refresh_token"]
        stolen = await token(api, client, "refresh_token", refresh_token=first)
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
        assert (await token(api, client, "refresh_token", refresh_token=second)).json()["error"] == "invalid_grant"
        assert (await token(api, client, "refresh_token", refresh_token=other)).status_code == 200

    async def test_a_refresh_token_is_its_clients(self, api: Any, client: dict[str, Any]) -> None:
        first = (await token(api, client, scope="offline_access")).json()["refresh_token"]
        other = await key(api, "client")
        assert (await token(api, other, "refresh_token", refresh_token=first)).json()["error"] == "invalid_grant"

    async def test_a_refresh_token_ends(self, api: Any, clock: FixedClock, client: dict[str, Any]) -> None:
        first = (await token(api, client, scope="offline_access")).json()["refresh_token"]
        clock.advance(timedelta(hours=1))
        assert (await token(api, client, "refresh_token", refresh_token=first)).json()["error"] == "invalid_grant"

    async def test_a_revoked_refresh_token_is_over(self, api: Any, client: dict[str, Any]) -> None:
        given = (await token(api, client, scope="offline_access")).json()["refresh_token"]
        credentials = (client["key_id"], client["secret"])
        for unknown in ("nonsense", given):
            answer = await ask(api, "POST", "/v1/oauth/revoke", data={"token": unknown}, auth=credentials)
            assert answer.status_code == 200
        assert (await token(api, client, "refresh_token", refresh_token=given)).json()["error"] == "invalid_grant"

    async def test_a_withdrawn_key_takes_its_tokens_with_it(self, api: Any, client: dict[str, Any]) -> None:
        given = (await token(api, client, scope="offline_access")).json()
        async with api.client("operator-token") as operator:
            await operator.delete(f"/v1/api-keys/{client['key_id']}")
        assert (await bearer(api, given["access_token"])).status_code == 401
        assert (await token(api, client, "refresh_token", refresh_token=given["refresh_token"])).status_code == 401

    async def test_others_can_check_a_token_by_the_published_keys(self, api: Any, client: dict[str, Any]) -> None:
        given = (await token(api, client)).json()["access_token"]
        metadata = (await ask(api, path="/.well-known/oauth-authorization-server")).json()
        keys = (await ask(api, path="/.well-known/jwks.json")).json()
        assert metadata["jwks_uri"] == f"{metadata['issuer']}/.well-known/jwks.json"
        (published,) = keys["keys"]
        assert "d" not in published
        public = jwt.PyJWK(published)
        options: Any = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(given, public, algorithms=["ES256"], audience="parkcarbon", issuer=metadata["issuer"], options=options)
        assert (claims["sub"], claims["tenant"]) == ("mes", "ganzhou")
        assert jwt.get_unverified_header(given) == {"alg": "ES256", "typ": "at+jwt", "kid": published["kid"]}

    async def test_the_pair_is_changed_and_the_old_one_published_while_its_tokens_live(
        self, api: Any, clock: FixedClock, client: dict[str, Any]
    ) -> None:
        await token(api, client)
        clock.advance(timedelta(days=30) - timedelta(seconds=1))
        last = (await token(api, client)).json()["access_token"]
        clock.advance(timedelta(seconds=2))
        await token(api, client)
        assert len((await ask(api, path="/.well-known/jwks.json")).json()["keys"]) == 2
        assert (await bearer(api, last)).status_code == 200
        clock.advance(timedelta(seconds=900))
        assert len((await ask(api, path="/.well-known/jwks.json")).json()["keys"]) == 1


def signed(
    made: dict[str, Any], clock: FixedClock, method: str, path: str, body: bytes = b"", *, nonce: str = "n" * 16, **headers: str
) -> dict[str, str]:
    """The headers of a signed request."""
    plain, _, query = path.partition("?")
    digest, timestamp = hashlib.sha256(body).hexdigest(), int(clock.now().timestamp())
    head = RequestHead(method, plain, query, headers.get("Content-Type", ""))
    proof = signature(made["secret"].encode(), canonical(head, timestamp, nonce, digest))
    value = f"{SCHEME} Credential={made['key_id']}, Timestamp={timestamp}, Nonce={nonce}, BodySHA256={digest}, Signature={proof}"
    return {**headers, "Authorization": value}


class TestSignatures:
    @pytest.fixture
    async def made(self, api: Any) -> dict[str, Any]:
        await registered(api, body={"name": "M", "roles": ["park_manager"]})
        return await key(api, "signing")

    async def test_a_signed_request_is_its_callers(self, api: Any, clock: FixedClock, made: dict[str, Any]) -> None:
        answer = await ask(api, headers=signed(made, clock, "GET", "/v1/caller"))
        assert answer.json()["caller_id"] == "mes"

    async def test_the_signature_can_be_made_with_nothing_but_the_documentation(
        self, api: Any, clock: FixedClock, made: dict[str, Any]
    ) -> None:
        import hmac  # noqa: PLC0415 - as a sender would, without this code

        digest, now = hashlib.sha256(b"").hexdigest(), str(int(clock.now().timestamp()))
        text = "\n".join(["PC1-HMAC-SHA256", "GET", "/v1/parks", "page_size=2", "", now, "abcdefghijklmnop", digest])
        proof = hmac.new(made["secret"].encode(), text.encode(), "sha256").hexdigest()
        value = (
            f"PC1-HMAC-SHA256 Credential={made['key_id']}, Timestamp={now}, Nonce=abcdefghijklmnop, "
            f"BodySHA256={digest}, Signature={proof}"
        )
        assert (await ask(api, path="/v1/parks?page_size=2", headers={"Authorization": value})).status_code == 200

    async def test_a_signed_body_arrives_as_it_was_sent(self, api: Any, clock: FixedClock, made: dict[str, Any]) -> None:
        park = json.dumps(
            {"park_id": "etdz", "name_zh": "园", "name_en": "P", "region_code": "360700", "factor_set_id": "wang-2024"}
        )
        headers = signed(made, clock, "POST", "/v1/parks", park.encode(), **{"Content-Type": "application/json"})
        assert (await ask(api, "POST", "/v1/parks", content=park.encode(), headers=headers)).status_code == 201
        rows = b"".join(
            b'{"record_id":"r-%d","source_id":"s","period_start":"2022-01-01","period_end":"2022-01-02",'
            b'"quantity":"1","unit":"kWh"}\n' % number
            for number in range(20_000)
        )
        path = "/v1/parks/etdz/activity-records"
        media = {"Content-Type": "application/x-ndjson"}
        headers = signed(made, clock, "POST", path, rows, nonce="m" * 16, **media)
        pushed = await ask(api, "POST", path, content=rows, headers=headers)
        assert pushed.json()["accepted"] == 20_000

    async def test_a_request_that_was_changed_is_refused(self, api: Any, clock: FixedClock, made: dict[str, Any]) -> None:
        get = signed(made, clock, "GET", "/v1/parks?page_size=2")
        post = signed(made, clock, "POST", "/v1/parks", b"{}", **{"Content-Type": "application/json"})
        changes = [
            ("GET", "/v1/parks?page_size=3", b"", get, "SIGNATURE_INVALID"),
            ("GET", "/v1/parks", b"", get, "SIGNATURE_INVALID"),
            ("GET", "/v1/factor-sets?page_size=2", b"", get, "SIGNATURE_INVALID"),
            ("POST", "/v1/parks?page_size=2", b"", get, "SIGNATURE_INVALID"),
            ("GET", "/v1/%70arks?page_size=2", b"", get, "SIGNATURE_INVALID"),
            ("POST", "/v1/parks", b"{}", {**post, "Content-Type": "text/csv"}, "SIGNATURE_INVALID"),
            ("POST", "/v1/parks", b'{"x":1}', post, "SIGNATURE_BODY_DIFFERS"),
            ("GET", "/v1/parks?page_size=2", b"", {"Authorization": get["Authorization"] + "x"}, "SIGNATURE_MALFORMED"),
        ]
        for method, path, body, headers, reason in changes:
            answer = await ask(api, method, path, content=body, headers=headers)
            assert (answer.status_code, answer.json()["reason"]) == (401, reason), (method, path)

    async def test_a_request_is_good_once_on_every_replica(self, api: Any, clock: FixedClock, made: dict[str, Any]) -> None:
        headers = signed(made, clock, "GET", "/v1/caller")
        assert [(await ask(api, headers=headers)).status_code for _ in range(2)] == [200, 401]
        assert (await ask(api, headers=headers)).json()["reason"] == "SIGNATURE_REPLAYED"
        # A nonce is kept for longer than its signature is good.
        clock.advance(timedelta(minutes=5))
        assert (await ask(api, headers=headers)).json()["reason"] == "SIGNATURE_REPLAYED"
        clock.advance(timedelta(seconds=1))
        assert (await ask(api, headers=headers)).json()["reason"] == "SIGNATURE_TOO_OLD"

    async def test_a_clock_may_be_off_by_five_minutes_either_way(self, api: Any, clock: FixedClock, made: dict[str, Any]) -> None:
        early = signed(made, FixedClock(NOW - timedelta(seconds=301)), "GET", "/v1/caller")
        late = signed(made, FixedClock(NOW + timedelta(seconds=301)), "GET", "/v1/caller")
        fine = signed(made, FixedClock(NOW + timedelta(seconds=300)), "GET", "/v1/caller")
        found = [(await ask(api, headers=headers)).status_code for headers in (early, late, fine)]
        assert found == [401, 401, 200]

    async def test_a_key_that_is_not_for_signing_signs_nothing(self, api: Any, clock: FixedClock, made: dict[str, Any]) -> None:
        other = await key(api, "api")
        for wrong in (other, {**made, "secret": other["secret"]}, {**made, "key_id": "pck_" + "a" * 16}):
            answer = await ask(api, headers=signed(wrong, clock, "GET", "/v1/caller"))
            assert answer.json()["reason"] == "SIGNATURE_INVALID"

    async def test_the_secret_is_not_in_the_database(self, api: Any, made: dict[str, Any]) -> None:
        stored = await api.access_services.authenticators.credentials.key(made["key_id"])
        assert made["secret"] not in stored.proof
        assert api.access_services.authenticators.cipher.decrypt(stored.proof, made["key_id"]) == made["secret"].encode()
        assert api.access_services.authenticators.cipher.decrypt(stored.proof, "pck_" + "a" * 16) is None


class TestTokenAttacks:
    """OWASP API2:2023, broken authentication: what is not our token is refused, and refused alike."""

    @pytest.fixture
    async def good(self, api: Any) -> str:
        await registered(api)
        given: str = (await token(api, await key(api, "client"))).json()["access_token"]
        assert (await bearer(api, given)).status_code == 200
        return given

    async def test_none_of_these_opens_anything(self, api: Any, good: str) -> None:
        claims = jwt.decode(good, options={"verify_signature": False})
        kid = jwt.get_unverified_header(good)["kid"]
        published = (await ask(api, path="/.well-known/jwks.json")).json()["keys"][0]
        public = jwt.PyJWK(published).key
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        mine = ec.generate_private_key(ec.SECP256R1())
        own_jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(mine.public_key()))
        header, body, proof = good.split(".")

        def part(value: object) -> str:
            return jwt.utils.base64url_encode(json.dumps(value).encode()).decode()

        def hmac_of(head: dict[str, Any], secret: bytes) -> str:
            text = f"{part(head)}.{body}"
            mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(text.encode(), secret)
            return f"{text}.{jwt.utils.base64url_encode(mac).decode()}"

        good_head = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
        forged = {
            "none": f"{part({**good_head, 'alg': 'none'})}.{body}.",
            "None": f"{part({**good_head, 'alg': 'None'})}.{body}.{proof}",
            "no_signature": f"{header}.{body}.",
            "hs256_with_the_public_key": hmac_of({**good_head, "alg": "HS256"}, pem),
            "hs256_with_the_jwk": hmac_of({**good_head, "alg": "HS256"}, json.dumps(published).encode()),
            "other_claims": f"{header}.{part({**claims, 'sub': 'operator'})}.{proof}",
            "other_key_same_kid": jwt.encode(claims, mine, "ES256", headers=good_head),
            "jwk_in_the_header": jwt.encode(claims, mine, "ES256", headers={**good_head, "jwk": own_jwk}),
            "jku_in_the_header": jwt.encode(claims, mine, "ES256", headers={**good_head, "jku": "http://127.0.0.1:1/"}),
            "x5u_in_the_header": jwt.encode(claims, mine, "ES256", headers={**good_head, "x5u": "http://127.0.0.1:1/"}),
            "crit_in_the_header": jwt.encode(claims, mine, "ES256", headers={**good_head, "crit": ["x"], "x": 1}),
            "kid_of_a_file": jwt.encode(claims, mine, "ES256", headers={**good_head, "kid": "../../dev/null"}),
            "kid_of_sql": jwt.encode(claims, mine, "ES256", headers={**good_head, "kid": "' OR 1=1 --"}),
            "no_kid": jwt.encode(claims, mine, "ES256", headers={"typ": "at+jwt"}),
            "an_id_token": jwt.encode(claims, mine, "ES256", headers={**good_head, "typ": "JWT"}),
            "other_audience": jwt.encode({**claims, "aud": "others"}, mine, "ES256", headers=good_head),
            "other_issuer": jwt.encode({**claims, "iss": "https://evil.test"}, mine, "ES256", headers=good_head),
            "deep_header": f"{jwt.utils.base64url_encode(b'[' * 60).decode()}.{body}.{proof}",
            "two_dots": "..",
        }
        for name, text in forged.items():
            answer = await bearer(api, text[:256] if name == "two_dots" else text)
            assert answer.status_code == 401, name
            assert answer.json()["reason"] in ("TOKEN_UNKNOWN", "TOKEN_MALFORMED"), name
            assert good not in answer.text
