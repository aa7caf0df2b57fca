"""The API over a real socket: what callers send, and what they are told."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.api.generated import accounting as shapes
from gateway.api.schemas.feed import ChangesAnswer
from gateway.api.schemas.jobs import JobAnswer
from gateway.api.schemas.problems import Problem
from gateway.api.schemas.push import ReceiptAnswer
from gateway.domain.errors import ServiceRefused, Unavailable
from gateway.domain.feed.changes import Change
from gateway.domain.limits import Limits

PARK = {
    "park_id": "etdz",
    "name_zh": "赣州经开区",
    "name_en": "Ganzhou ETDZ",
    "region_code": "360700",
    "factor_set_id": "wang-2024",
}
ROW = {
    "record_id": "r-1",
    "source_id": "s-1",
    "period_start": "2022-01-01",
    "period_end": "2022-02-01",
    "quantity": "12.5",
    "unit": "MWh",
}
RECORDS = "/v1/parks/etdz/activity-records"
JSON = {"Content-Type": "application/json"}


def problem(answer: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    Problem.model_validate(body)
    assert body["reason"] == reason
    assert body["status"] == status
    assert body["type"] == "https://parkcarbon.example/problems/" + reason.lower().replace("_", "-")
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["instance"] == answer.request.url.path
    return body


class TestCallers:
    @pytest.mark.parametrize(
        ("headers", "reason", "challenge"),
        [
            pytest.param({}, "TOKEN_MISSING", "Bearer", id="missing"),
            pytest.param({"Authorization": "Bearer nobody"}, "TOKEN_UNKNOWN", 'Bearer error="invalid_token"', id="unknown"),
            pytest.param({"Authorization": "Basic eDp5"}, "TOKEN_MALFORMED", 'Bearer error="invalid_token"', id="other_scheme"),
            pytest.param({"Authorization": "Bearer a b"}, "TOKEN_MALFORMED", 'Bearer error="invalid_token"', id="malformed"),
        ],
    )
    async def test_a_stranger_is_refused_before_anything_is_read(
        self, served: Any, headers: dict[str, str], reason: str, challenge: str
    ) -> None:
        async with served.client(None) as client:
            for path in ("/v1/parks", "/v1/changes", "/v1/no-such-path"):
                answer = await client.get(path, headers=headers)
                problem(answer, 401, reason)
                assert answer.headers["www-authenticate"] == challenge
            problem(await client.post("/v1/parks", content=b"{nonsense", headers=headers), 401, reason)

    async def test_two_tokens_are_none(self, served: Any) -> None:
        async with served.client(None) as client:
            headers = [("Authorization", "Bearer manager-token"), ("Authorization", "Bearer reader-token")]
            problem(await client.get("/v1/parks", headers=headers), 401, "TOKEN_MALFORMED")

    async def test_a_token_is_in_no_log_line(self, served: Any) -> None:
        async with served.client() as client:
            await client.get("/v1/parks")
            await client.get("/v1/parks", headers={"Authorization": "Bearer guessed-token"})
        assert '"answered"' in served.log.getvalue()
        assert "token" not in served.log.getvalue().lower()

    async def test_a_reader_reads_and_writes_nothing(self, with_park: Any) -> None:
        async with with_park.client("reader-token") as client:
            assert (await client.get("/v1/parks/etdz")).status_code == 200
            for method, path in (
                ("POST", "/v1/parks"),
                ("POST", "/v1/parks/etdz/enterprises"),
                ("POST", "/v1/parks/etdz/sources"),
                ("PUT", "/v1/parks/etdz/annual-figures/2022"),
                ("POST", RECORDS),
                ("POST", "/v1/parks/etdz/sums:rebuild"),
            ):
                body = problem(await client.request(method, path, content=b"[]"), 403, "ROLE_MISSING")
                assert body["found"] == "reader"
        assert with_park.accounting.batches == []

    async def test_a_park_of_another_tenant_does_not_exist(self, with_park: Any) -> None:
        async with with_park.client("stranger-token") as client:
            for path in ("", "/enterprises", "/sources", "/annual-figures", "/activity-records", "/indicators?year=2022"):
                problem(await client.get(f"/v1/parks/etdz{path}"), 404, "PARK_NOT_FOUND")
            problem(await client.post(RECORDS, json=[ROW]), 404, "PARK_NOT_FOUND")
            problem(await client.post(RECORDS, json=[1]), 404, "PARK_NOT_FOUND")
            assert (await client.get("/v1/parks")).json() == {"parks": [], "next_page_token": ""}

    async def test_a_tenant_cannot_be_chosen(self, served: Any) -> None:
        async with served.client() as client:
            body = problem(await client.post("/v1/parks", json={**PARK, "tenant_id": "nanchang"}), 422, "FIELDS_INVALID")
        assert body["errors"][0]["field"] == "tenant_id"
        assert "park_id" in body["errors"][0]["allowed"]


class TestHeaders:
    async def test_a_request_id_is_echoed_or_made(self, served: Any) -> None:
        async with served.client() as client:
            assert (await client.get("/v1/parks", headers={"X-Request-Id": "my id-1"})).headers["x-request-id"] == "my id-1"
            for bad in ("x" * 129, "tab\there", "ümlaut".encode("latin-1")):
                answer = await client.get("/v1/parks", headers={"X-Request-Id": bad})
                assert answer.headers["x-request-id"].startswith("made-")
            assert (await client.get("/healthz")).headers["x-request-id"].startswith("made-")

    async def test_every_answer_is_guarded(self, served: Any) -> None:
        async with served.client() as client:
            for path in ("/v1/parks", "/v1/nowhere", "/healthz", "/openapi.json", "/docs"):
                answer = await client.get(path)
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert "server" not in answer.headers
                assert (answer.headers.get("cache-control") == "no-store") is path.startswith("/v1/")

    async def test_no_other_origin_is_let_in_by_default(self, served: Any) -> None:
        async with served.client() as client:
            answer = await client.get("/v1/parks", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers

    async def test_a_listed_origin_is_let_in(self, serve: Callable[..., Any]) -> None:
        async with serve(Limits(), ["https://web.example"]) as served, served.client(None) as client:
            answer = await client.options(
                "/v1/parks", headers={"Origin": "https://web.example", "Access-Control-Request-Method": "POST"}
            )
            assert answer.headers["access-control-allow-origin"] == "https://web.example"
            refused = await client.get("/v1/parks", headers={"Origin": "https://evil.example"})
            assert "access-control-allow-origin" not in refused.headers

    async def test_unknown_paths_and_methods_are_problems(self, served: Any) -> None:
        async with served.client() as client:
            problem(await client.get("/v1/nowhere"), 404, "PATH_UNKNOWN")
            problem(await client.get("/nowhere"), 404, "PATH_UNKNOWN")
            problem(await client.get("/v1/parks/"), 404, "PATH_UNKNOWN")
            answer = await client.delete("/v1/parks/etdz")
            problem(answer, 405, "METHOD_NOT_ALLOWED")
            assert answer.headers["allow"] == "GET"


class TestRegisters:
    async def test_a_park_is_new_once(self, served: Any) -> None:
        async with served.client() as client:
            first = await client.post("/v1/parks", json=PARK)
            assert (first.status_code, first.headers["location"]) == (201, "/v1/parks/etdz")
            shapes.Park.model_validate(first.json())
            assert first.json()["tenant_id"] == "ganzhou"
            assert first.json()["time_zone"] == "Asia/Shanghai"
            again = await client.post("/v1/parks", json=PARK)
            assert (again.status_code, again.json()) == (200, first.json())
            problem(await client.post("/v1/parks", json={**PARK, "name_en": "Other"}), 409, "CONTENT_DIFFERS")
            assert (await client.get("/v1/parks/etdz")).json() == first.json()

    async def test_lists_come_in_pages(self, served: Any) -> None:
        async with served.client() as client:
            for number in range(3):
                await client.post("/v1/parks", json={**PARK, "park_id": f"p-{number}"})
            first = (await client.get("/v1/parks", params={"page_size": 2})).json()
            shapes.ListParksResponse.model_validate(first)
            second = (await client.get("/v1/parks", params={"page_token": first["next_page_token"]})).json()
        assert [park["park_id"] for park in first["parks"] + second["parks"]] == ["p-0", "p-1", "p-2"]
        assert second["next_page_token"] == ""

    async def test_enterprises_sources_and_figures(self, with_park: Any) -> None:
        source = {
            "source_id": "s-1",
            "name_zh": "电",
            "name_en": "Electricity",
            "item": "enterprise.purchased_energy",
            "scope": 2,
            "carrier": "electricity",
            "settlement_basis": "bill",
        }
        enterprise = {"enterprise_id": "e-1", "name_zh": "企业", "name_en": "Enterprise", "industry_code": "C39"}
        async with with_park.client() as client:
            made = await client.post("/v1/parks/etdz/sources", json=source)
            assert made.status_code == 201
            shapes.Source.model_validate(made.json())
            assert (made.json()["gas"], made.json()["sector"], "enterprise_id" in made.json()) == ("CO2", "energy", False)
            assert (await client.post("/v1/parks/etdz/sources", json=source)).status_code == 200
            assert (await client.get("/v1/parks/etdz/sources/s-1")).json() == made.json()
            problem(await client.get("/v1/parks/etdz/sources/none"), 404, "SOURCE_NOT_FOUND")
            shapes.ListSourcesResponse.model_validate((await client.get("/v1/parks/etdz/sources")).json())
            assert (await client.post("/v1/parks/etdz/enterprises", json=enterprise)).status_code == 201
            shapes.ListEnterprisesResponse.model_validate((await client.get("/v1/parks/etdz/enterprises")).json())
            figures = {"gross_output_10k_cny": "11620000"}
            put = await client.put("/v1/parks/etdz/annual-figures/2022", json=figures)
            shapes.RecordAnnualFiguresResponse.model_validate(put.json())
            assert (put.status_code, put.json()["version"], put.json()["changed"]) == (200, 1, True)
            assert (await client.put("/v1/parks/etdz/annual-figures/2022", json=figures)).json()["changed"] is False
            listed = (await client.get("/v1/parks/etdz/annual-figures")).json()
            shapes.ListAnnualFiguresResponse.model_validate(listed)
            assert [entry["version"] for entry in listed["annual_figures"]] == [1]

    @pytest.mark.parametrize(
        ("body", "status", "reason"),
        [
            pytest.param(b"", 400, "BODY_NOT_JSON", id="empty"),
            pytest.param(b"{", 400, "BODY_NOT_JSON", id="cut_off"),
            pytest.param(b'{"q":NaN}', 400, "NUMBER_NOT_FINITE", id="nan"),
            pytest.param(b'{"scope":-Infinity}', 400, "NUMBER_NOT_FINITE", id="infinity"),
            pytest.param(b'{"park_id":"a","park_id":"b"}', 400, "FIELD_DUPLICATE", id="member_twice"),
            pytest.param(b"[" * 60_000, 400, "JSON_TOO_DEEP", id="deep_arrays"),
            pytest.param(b'{"a":' * 10_000, 400, "JSON_TOO_DEEP", id="deep_objects"),
            pytest.param(b"1" * 5000, 400, "BODY_NOT_JSON", id="number_of_5000_digits"),
            pytest.param(b'"\xff"', 400, "TEXT_NOT_DECODABLE", id="not_utf_8"),
            pytest.param(b"[]", 422, "FIELDS_INVALID", id="array"),
            pytest.param(b"1e400", 422, "FIELDS_INVALID", id="overflowing_number"),
            pytest.param(b" " * 70_000, 413, "BODY_TOO_LARGE", id="too_large"),
        ],
    )
    async def test_bodies_that_no_reader_should_accept(self, served: Any, body: bytes, status: int, reason: str) -> None:
        async with served.client() as client:
            problem(await client.post("/v1/parks", content=body, headers=JSON), status, reason)

    @pytest.mark.parametrize(
        ("change", "field", "reason", "found"),
        [
            pytest.param({"park_id": "../etc"}, "park_id", "FIELD_INVALID", "../etc", id="slash"),
            pytest.param({"park_id": "ｐark"}, "park_id", "FIELD_INVALID", "ｐark", id="full_width"),
            pytest.param({"park_id": "p\n"}, "park_id", "FIELD_INVALID", "'p\\n'", id="newline"),
            pytest.param({"name_en": "a\0b"}, "name_en", "FIELD_INVALID", "'a\\x00b'", id="nul"),
            pytest.param({"name_en": ""}, "name_en", "FIELD_INVALID", "", id="empty"),
            pytest.param({"latitude_deg": 25.8}, "latitude_deg", "FIELD_NOT_A_STRING", "25.8", id="number_for_a_decimal"),
            pytest.param({"latitude_deg": "1e3"}, "latitude_deg", "FIELD_INVALID", "1e3", id="exponent"),
            pytest.param({"latitude_deg": "٣"}, "latitude_deg", "FIELD_INVALID", "٣", id="other_digits"),
            pytest.param({"latitude_deg": True}, "latitude_deg", "FIELD_NOT_A_STRING", "True", id="true"),
            pytest.param({"colour": "x" * 10_000}, "colour", "FIELD_UNKNOWN", "x" * 199 + "…", id="unknown"),
        ],
    )
    async def test_a_wrong_member_is_named(self, served: Any, change: dict[str, Any], field: str, reason: str, found: str) -> None:
        async with served.client() as client:
            body = problem(await client.post("/v1/parks", json={**PARK, **change}), 422, "FIELDS_INVALID")
        assert [(e["field"], e["reason"], e["found"]) for e in body["errors"]] == [(field, reason, found)]
        assert body["errors"][0]["message"]

    async def test_every_wrong_member_is_named(self, served: Any) -> None:
        async with served.client() as client:
            body = problem(await client.post("/v1/parks", json={}), 422, "FIELDS_INVALID")
        assert [error["field"] for error in body["errors"]] == ["park_id", "name_zh", "name_en", "region_code", "factor_set_id"]

    async def test_a_small_body_is_json(self, served: Any) -> None:
        async with served.client() as client:
            for media in ("text/csv", "application/x-www-form-urlencoded", "application/json; charset=gbk"):
                answer = await client.post("/v1/parks", content=json.dumps(PARK), headers={"Content-Type": media})
                assert answer.status_code == 415
            assert (await client.post("/v1/parks", content=json.dumps(PARK))).status_code == 415


class TestLanguage:
    async def test_a_park_that_accounting_refuses_is_explained_in_chinese_and_not_in_english(self, served: Any) -> None:
        # as accounting sends it: see services/accounting, test_errors
        facts = {
            "field": "region_code",
            "found": "36070",
            "allowed": "six digits of GB/T 2260, such as 360700",
            "allowed_zh": "GB/T 2260 的六位数字代码,如 360700",
            "message_zh": "region_code 的值 '36070' 无效,应为 GB/T 2260 的六位数字代码,如 360700",
        }
        sentence = "region_code must be six digits of GB/T 2260, such as 360700, got '36070'"
        served.accounting.failures = [ServiceRefused("invalid", "INVALID_FIELD", sentence, facts) for _ in range(2)]
        async with served.client(**{"Accept-Language": "zh"}) as client:
            answer = await client.post("/v1/parks", json=PARK)
            in_english = problem(await client.post("/v1/parks", json=PARK, headers={"Accept-Language": "en"}), 422, "INVALID_FIELD")
        body = problem(answer, 422, "INVALID_FIELD")
        assert answer.headers["content-language"] == "zh"
        assert (body["detail"], body["allowed"]) == (facts["message_zh"], facts["allowed_zh"])
        assert body["errors"] == [
            {
                "field": "region_code",
                "found": "36070",
                "allowed": facts["allowed_zh"],
                "message": facts["message_zh"],
                "reason": "INVALID_FIELD",
            }
        ]
        assert "digits" not in answer.text
        assert (in_english["detail"], in_english["allowed"]) == (sentence, facts["allowed"])
        assert "六位" not in str(in_english)

    @pytest.mark.parametrize(
        ("change", "allowed"),
        [
            ({"park_id": "../etc"}, "形如 ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ 的文本"),
            ({"name_zh": ""}, "至少 1 个字符"),
            ({"name_zh": "x" * 201}, "至多 200 个字符"),
            ({"name_zh": 1}, "字符串"),
            ({"park_id": None}, "字符串"),
            ({"scope": 0}, "大于或等于 1"),
            ({"scope": 4}, "小于或等于 3"),
            ({"scope": "2"}, "整数"),
            ({"settlement_basis": "guess"}, "'bill' 或 'meter'"),
        ],
    )
    async def test_the_rule_of_a_member_is_chinese_too(self, served: Any, change: dict[str, Any], allowed: str) -> None:
        source: dict[str, Any] = {"source_id": "s", "name_zh": "电", "name_en": "E", "item": "i", "scope": 2, "carrier": "c"}
        path, body = ("/v1/parks", dict[str, Any](PARK))
        if not change.keys() <= {"park_id", "name_zh"}:
            path, body = ("/v1/parks/etdz/sources", source | {"settlement_basis": "bill"})
        async with served.client(**{"Accept-Language": "zh"}) as client:
            found = problem(await client.post(path, json=body | change), 422, "FIELDS_INVALID")
        assert [error["allowed"] for error in found["errors"]] == [allowed]
        assert allowed in found["detail"]

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("/v1/parks?page_size=0", "大于或等于 1"),
            ("/v1/parks?page_size=1001", "小于或等于 1000"),
            ("/v1/parks?page_size=many", "整数"),
            ("/v1/parks/etdz/emissions?from=2022-13&to=2023", "YYYY-MM 或 YYYY"),
            ("/v1/changes?since=soon", "`next` 给出的游标、`newest`,或为空"),
            ("/v1/parks?page_size=1&page_size=2", "只给出一次的值"),
            ("/v1/session?page_size=1", "无参数"),
        ],
    )
    async def test_the_rule_of_a_parameter_is_chinese_too(self, served: Any, path: str, allowed: str) -> None:
        async with served.client(**{"Accept-Language": "zh"}) as client:
            found = problem(await client.get(path), 422, "FIELDS_INVALID")
        assert [error["allowed"] for error in found["errors"]] == [allowed]


class TestParameters:
    async def test_a_misspelt_parameter_is_refused_and_those_that_there_are_are_named(self, with_park: Any) -> None:
        async with with_park.client() as client:
            answer = await client.get("/v1/parks/etdz/emissions?from=2022&to=2023&groupby=scope")
        body = problem(answer, 422, "FIELDS_INVALID")
        assert body["errors"] == [
            {
                "field": "groupby",
                "found": "scope",
                "allowed": "from, to, group_by, fields",
                "message": "groupby is unknown; allowed: from, to, group_by, fields",
                "reason": "FIELD_UNKNOWN",
            }
        ]

    async def test_a_parameter_given_twice_is_refused_and_not_half_read(self, with_park: Any) -> None:
        async with with_park.client() as client:
            answer = await client.get("/v1/parks/etdz/emissions?from=2022&to=2023&group_by=year&group_by=scope")
        body = problem(answer, 422, "FIELDS_INVALID")
        assert [(e["field"], e["found"], e["allowed"]) for e in body["errors"]] == [("group_by", "year, scope", "given once")]

    async def test_every_route_refuses_what_it_does_not_take(self, with_park: Any) -> None:
        async with with_park.client() as client:
            document = (await client.get("/openapi.json")).json()
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    taken = [entry["name"] for entry in operation.get("parameters", []) if entry["in"] == "query"]
                    answer = await client.request(
                        method,
                        path.format(
                            park="etdz",
                            set="wang-2024",
                            job="j",
                            year=2022,
                            caller="c",
                            key="pck_" + "a" * 16,
                            profile="p",
                            system="pdi",
                            evaluation="e",
                            code="36",
                            webhook="w",
                            document="d",
                            inventory="2022-v1",
                            finding="f-1",
                            source="s-1",
                        )
                        + "?colour=1",
                    )
                    [error] = problem(answer, 422, "FIELDS_INVALID")["errors"]
                    assert (error["field"], error["found"]) == ("colour", "1"), (method, path)
                    assert error["allowed"] == (", ".join(taken) or "no parameter"), (method, path)

    async def test_what_is_echoed_of_parameters_is_bounded(self, with_park: Any) -> None:
        query = "&".join(f"{'x' * 500}{number}={'y' * 500}" for number in range(50))
        async with with_park.client() as client:
            answer = await client.get(f"/v1/parks/etdz?{query}")
        body = problem(answer, 422, "FIELDS_INVALID")
        assert len(body["errors"]) == 20
        assert all(len(error["field"]) == len(error["found"]) == 200 for error in body["errors"])


class TestPush:
    @pytest.mark.parametrize(
        ("media", "body"),
        [
            pytest.param("application/json", json.dumps([ROW]).encode(), id="json"),
            pytest.param("application/json", json.dumps({"records": [ROW]}).encode(), id="json_object"),
            pytest.param("application/x-ndjson", json.dumps(ROW).encode(), id="ndjson"),
            pytest.param("text/csv", (",".join(ROW) + "\r\n" + ",".join(ROW.values())).encode("gb18030"), id="csv"),
        ],
    )
    async def test_each_format_is_recorded_once(self, with_park: Any, media: str, body: bytes) -> None:
        async with with_park.client() as client:
            answers = [await client.post(RECORDS, content=body, headers={"Content-Type": media}) for _ in range(2)]
            row = 2 if media == "text/csv" else 1
            for answer, outcome in zip(answers, ("accepted", "duplicate"), strict=True):
                assert answer.status_code == 200
                ReceiptAnswer.model_validate(answer.json())
                assert answer.json() == {
                    "park_id": "etdz",
                    "rows": 1,
                    "accepted": 0,
                    "duplicate": 0,
                    "superseded": 0,
                    "rejected": 0,
                    outcome: 1,
                    "results": [{"row": row, "record_id": "r-1", "outcome": outcome}],
                    "results_shown": "all",
                }
            listed = (await client.get(RECORDS)).json()
            shapes.ListActivityRecordsResponse.model_validate(listed)
            assert [record["quantity"] for record in listed["records"]] == ["12.5"]

    async def test_bad_rows_are_told_one_by_one_and_good_rows_are_kept(self, with_park: Any) -> None:
        rows = [
            ROW,
            {**ROW, "record_id": "r-2", "quantity": 12.5},
            {**ROW, "record_id": "r-3", "quantity": "1e3"},
            {**ROW, "record_id": "r-4", "tenant_id": "x"},
            {**ROW, "record_id": "r-5", "supersedes": "r-1"},
        ]
        async with with_park.client(**{"Accept-Language": "zh-CN"}) as client:
            answer = await client.post(RECORDS, json=rows)
        body = answer.json()
        ReceiptAnswer.model_validate(body)
        assert answer.headers["content-language"] == "zh"
        assert [(entry["row"], entry["outcome"]) for entry in body["results"]] == [
            (1, "accepted"),
            (2, "rejected"),
            (3, "rejected"),
            (4, "rejected"),
            (5, "superseded"),
        ]
        assert body["results"][1]["problem"] == {
            "reason": "QUANTITY_NOT_A_STRING",
            "field": "quantity",
            "found": "12.5",
            "allowed": "a string",
            "message": "数量必须是字符串,收到 12.5:请写成字符串,以免丢失任何一位数字",
        }
        assert body["results"][2]["problem"]["message"] == "数量必须是十进制数,收到 1e3"

    async def test_above_a_thousand_rows_only_the_rejected_are_listed(self, with_park: Any) -> None:
        rows = [{**ROW, "record_id": f"r-{number}"} for number in range(1001)]
        rows[700]["quantity"] = "many"
        async with with_park.client() as client:
            body = (await client.post(RECORDS, json=rows)).json()
            assert (body["rows"], body["accepted"], body["rejected"], body["results_shown"]) == (1001, 1000, 1, "rejected")
            assert [entry["row"] for entry in body["results"]] == [701]
            body = (await client.post(RECORDS, json=rows, params={"results": "all"})).json()
            assert (len(body["results"]), body["duplicate"], body["results_shown"]) == (1001, 1000, "all")
            body = (await client.post(RECORDS, json=rows, params={"results": "none"})).json()
            assert (body["results"], body["rejected"], body["results_shown"]) == ([], 1, "none")
            problem(await client.post(RECORDS, json=rows, params={"results": "some"}), 422, "FIELDS_INVALID")

    async def test_a_large_file_goes_in_batches(self, with_park: Any) -> None:
        lines = "".join(json.dumps({**ROW, "record_id": f"r-{number}"}) + "\n" for number in range(12_001))
        async with with_park.client() as client:
            answer = await client.post(RECORDS, content=lines, headers={"Content-Type": "application/x-ndjson"})
        assert answer.json()["accepted"] == 12_001
        assert with_park.accounting.batches == [5000, 5000, 2001]

    async def test_an_interruption_is_503_and_the_same_file_finishes(self, with_park: Any) -> None:
        rows = [{**ROW, "record_id": f"r-{number}"} for number in range(6000)]
        with_park.accounting.failures = [None, Unavailable("ACCOUNTING_UNAVAILABLE")]
        async with with_park.client() as client:
            answer = await client.post(RECORDS, json=rows)
            body = problem(answer, 503, "PUSH_INTERRUPTED")
            assert (body["rows_handled"], body["rows"]) == (5000, 6000)
            assert int(answer.headers["retry-after"]) > 0
            again = (await client.post(RECORDS, json=rows)).json()
        assert (again["duplicate"], again["accepted"]) == (5000, 1000)

    @pytest.mark.parametrize(
        ("media", "body", "status", "reason"),
        [
            pytest.param("application/json", b"", 422, "BODY_EMPTY", id="empty"),
            pytest.param("application/json", b"garbage", 422, "BODY_NOT_JSON", id="not_json"),
            pytest.param("application/json", b'[{"quantity":NaN}]', 400, "NUMBER_NOT_FINITE", id="nan"),
            pytest.param("application/json", b"[" * 100_000, 400, "JSON_TOO_DEEP", id="deep"),
            pytest.param("text/csv", b"", 422, "BODY_EMPTY", id="empty_csv"),
            pytest.param("text/csv", b"\xff\xfe\x00\xff", 422, "TEXT_NOT_DECODABLE", id="garbage"),
            pytest.param("text/csv", b"r-1,s-1\n", 422, "HEADER_MISSING", id="no_header"),
            pytest.param("application/x-ndjson", b"\n\n", 422, "BODY_EMPTY", id="blank_lines"),
            pytest.param("text/plain", b"[]", 415, "MEDIA_TYPE_UNSUPPORTED", id="media_type"),
            pytest.param("", b"[]", 415, "MEDIA_TYPE_UNSUPPORTED", id="no_media_type"),
            pytest.param("text/csv; charset=big5", b"x", 415, "CHARSET_UNSUPPORTED", id="charset"),
        ],
    )
    async def test_a_file_of_which_nothing_can_be_read(
        self, with_park: Any, media: str, body: bytes, status: int, reason: str
    ) -> None:
        async with with_park.client() as client:
            found = problem(
                await client.post(RECORDS, content=body, headers={"Content-Type": media} if media else {}), status, reason
            )
        if status == 422:
            assert (found["rows"], found["accepted"], len(found["errors"])) == (0, 0, 1)
        assert with_park.accounting.batches == []

    async def test_a_small_body_is_not_unpacked_nor_any_in_another_encoding(self, with_park: Any) -> None:
        packed = gzip.compress(json.dumps([ROW]).encode())
        async with with_park.client() as client:
            for path, encoding in (("/v1/parks", "gzip"), (RECORDS, "br"), (RECORDS, "gzip, gzip")):
                answer = await client.post(path, content=packed, headers={**JSON, "Content-Encoding": encoding})
                assert problem(answer, 415, "CONTENT_ENCODING_UNSUPPORTED")["found"] == encoding

    async def test_a_body_over_the_limit_is_refused_with_and_without_a_length(self, serve: Callable[..., Any]) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b" " * 1000

        async with serve(Limits(upload_bytes=20_000)) as served, served.client() as client:
            for content in (b" " * 20_001, chunks()):
                assert (
                    problem(await client.post(RECORDS, content=content, headers=JSON), 413, "BODY_TOO_LARGE")["allowed"] == "20000"
                )

    async def test_a_body_that_dribbles_is_given_up(self, serve: Callable[..., Any]) -> None:
        async def never() -> AsyncIterator[bytes]:
            yield b"["
            await asyncio.Event().wait()

        async with serve(Limits(body_seconds=0.2)) as served, served.client() as client:
            # httpx reads no answer before its body is sent; the server's word is read from the socket itself.
            address = urlsplit(served.url)
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(
                f"POST {RECORDS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer manager-token\r\n"
                "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n[".encode()
            )
            assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
            writer.close()
            await writer.wait_closed()
            assert (await client.get("/healthz")).status_code == 200

    async def test_uploads_that_fill_the_memory_are_put_off(self, serve: Callable[..., Any]) -> None:
        async with serve(Limits(uploads_in_memory_bytes=1000)) as served, served.client() as client:
            answer = await client.post(RECORDS, content=b" " * 1001, headers=JSON)
            problem(answer, 429, "SERVER_BUSY")
            assert int(answer.headers["retry-after"]) > 0
            # What the refused upload held is free again.
            problem(await client.post(RECORDS, content=b" " * 999, headers=JSON), 422, "BODY_EMPTY")

    async def test_more_rows_than_the_limit_are_refused_whole(self, serve: Callable[..., Any]) -> None:
        async with serve(Limits(rows=2)) as served, served.client() as client:
            await client.post("/v1/parks", json=PARK)
            problem(await client.post(RECORDS, json=[ROW] * 3), 413, "TOO_MANY_ROWS")
        assert served.accounting.batches == []


class TestFigures:
    async def test_emissions_are_grouped_by_name(self, with_park: Any) -> None:
        async with with_park.client() as client:
            await client.post(RECORDS, json=[ROW])
            answer = await client.get("/v1/parks/etdz/emissions?from=2022&to=2023-01&group_by=scope,carrier")
        body = answer.json()
        shapes.QueryEmissionsResponse.model_validate(body)
        assert (body["from"], body["to"], body["group_by"]) == ("2022-01", "2023-01", ["scope", "carrier"])
        assert body["groups"] == [{"scope": "x", "carrier": "x", "emissions_t_co2e": "7.2625", "energy_tce": "0", "records": 1}]
        assert body["total"] == {"emissions_t_co2e": "7.2625", "energy_tce": "0", "records": 1}

    @pytest.mark.parametrize(
        ("query", "reason", "field"),
        [
            ("from=2022-13&to=2023", "FIELDS_INVALID", "from"),
            ("from=2022", "FIELDS_INVALID", "to"),
            ("to=2022", "FIELDS_INVALID", "from"),
            ("from=2022&to=2023&group_by=colour", "INVALID_FIELD", "group_by"),
        ],
    )
    async def test_a_wrong_parameter_is_named(self, with_park: Any, query: str, reason: str, field: str) -> None:
        async with with_park.client() as client:
            body = problem(await client.get(f"/v1/parks/etdz/emissions?{query}"), 422, reason)
        assert body["errors"][0]["field"] == field

    async def test_a_figure_that_cannot_be_given_is_null_and_says_why(self, with_park: Any) -> None:
        async with with_park.client() as client:
            body = (await client.get("/v1/parks/etdz/indicators?year=2022")).json()
            problem(await client.get("/v1/parks/etdz/indicators?year=MMXXII"), 422, "FIELDS_INVALID")
        shapes.GetIndicatorsResponse.model_validate(body)
        assert body["indicators"][1] == {
            "name": "emissions_per_employee_t",
            "value": None,
            "unit": "t",
            "missing": "employees_persons",
            "formula": "E / n",
        }

    async def test_factors_are_listed(self, served: Any) -> None:
        async with served.client() as client:
            shapes.ListFactorSetsResponse.model_validate((await client.get("/v1/factor-sets")).json())
            shapes.ListFactorsResponse.model_validate((await client.get("/v1/factor-sets/wang-2024/factors")).json())
            problem(await client.get("/v1/factor-sets/none/factors"), 404, "FACTOR_SET_NOT_FOUND")


class TestJobs:
    async def test_a_rebuild_is_a_job_of_its_tenant(self, with_park: Any) -> None:
        async with with_park.client() as client:
            started = await client.post("/v1/parks/etdz/sums:rebuild")
            assert started.status_code == 202
            JobAnswer.model_validate(started.json())
            found = await client.get(started.headers["location"])
            assert found.json() == started.json()
        async with with_park.client("stranger-token") as stranger:
            problem(await stranger.get(started.headers["location"]), 404, "JOB_NOT_FOUND")


class TestChanges:
    async def test_a_feed_is_read_from_cursor_to_cursor(self, served: Any) -> None:
        for tenant, position in (("ganzhou", 1), ("nanchang", 1), ("ganzhou", 2), ("ganzhou", 3)):
            served.feed.changes.append(
                Change(
                    position=position,
                    tenant_id=tenant,
                    park_id="etdz",
                    topic="accounting.park.v1",
                    type="parkcarbon.accounting.events.v1.ParkRegistered",
                    time="2026-11-21T02:00:00Z",
                    event_id=f"{tenant}-{position}",
                    data_json='{"park_id": "etdz"}',
                )
            )
        async with served.client("reader-token") as client:
            first = (await client.get("/v1/changes?limit=2")).json()
            ChangesAnswer.model_validate(first)
            second = (await client.get("/v1/changes", params={"since": first["next"]})).json()
            third = (await client.get("/v1/changes", params={"since": second["next"]})).json()
            problem(await client.get("/v1/changes?since=soon"), 422, "FIELDS_INVALID")
            problem(await client.get("/v1/changes?limit=0"), 422, "FIELDS_INVALID")
        assert [change["event_id"] for change in first["changes"]] == ["ganzhou-1", "ganzhou-2"]
        assert (first["more"], first["changes"][0]["data"]) == (True, {"park_id": "etdz"})
        assert [change["position"] for change in second["changes"]] == [3]
        assert (second["more"], third) == (False, {"changes": [], "next": "3", "more": False})


class TestFailures:
    async def test_an_error_of_ours_tells_nothing(self, with_park: Any) -> None:
        with_park.accounting.failures = [ValueError("secret of the inside")]
        async with with_park.client() as client:
            answer = await client.get("/v1/parks/etdz/sources", params={"page_token": "what-was-sent"})
            problem(answer, 500, "INTERNAL")
            assert "secret" not in answer.text
            assert "what-was-sent" not in answer.text
            assert "Traceback" not in answer.text
            assert (await client.get("/v1/parks/etdz")).status_code == 200
        assert "secret of the inside" in with_park.log.getvalue()
        assert answer.headers["x-request-id"] in with_park.log.getvalue()

    async def test_accounting_away_is_503_and_comes_back(self, with_park: Any) -> None:
        with_park.accounting.failures = [Unavailable("ACCOUNTING_UNAVAILABLE")]
        async with with_park.client() as client:
            answer = await client.get("/v1/parks/etdz")
            problem(answer, 503, "ACCOUNTING_UNAVAILABLE")
            assert int(answer.headers["retry-after"]) > 0

    async def test_readiness_names_what_is_away(self, served: Any) -> None:
        async with served.client(None) as client:
            assert (await client.get("/healthz")).json() == {"status": "up"}
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()) == (200, {"ready": True, "accounting": True, "database": True, "events": True})
            served.accounting.serving = False
            away = await client.get("/readyz")
            assert (away.status_code, away.json()) == (503, {"ready": False, "accounting": False, "database": True, "events": True})

    async def test_a_gateway_that_receives_no_events_says_so_and_stays_ready(self, served: Any) -> None:
        served.listener.hears = False
        async with served.client(None) as client:
            answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "accounting": True, "database": True, "events": False})

    async def test_a_stop_lets_a_running_request_end(self, with_park: Any) -> None:
        inside, go_on = asyncio.Event(), asyncio.Event()
        original = with_park.accounting.get_park

        async def slow(*arguments: Any) -> Any:
            inside.set()
            await go_on.wait()
            return await original(*arguments)

        with_park.accounting.get_park = slow
        async with with_park.client() as client:
            running = asyncio.create_task(client.get("/v1/parks/etdz"))
            await inside.wait()
            stopping = asyncio.create_task(with_park.server.stop())
            done, _ = await asyncio.wait({stopping}, timeout=0.5)
            assert not done
            go_on.set()
            assert (await running).status_code == 200
            await stopping
            with pytest.raises(httpx.ConnectError):
                await client.get("/healthz")
