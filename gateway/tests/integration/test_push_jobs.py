"""Pushes that outlast a request: jobs, their events and results, idempotency keys, mapping profiles."""

import asyncio
import csv
import gzip
import io
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from chassis.job_runner import JobContext
from gateway.adapters.upload_jobs import UploadJobs
from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.uploads import Uploads
from gateway.api.reading.workbooks import Workbooks
from gateway.application.push.recording import RecordingServices
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import Unavailable
from gateway.domain.limits import Limits

RECORDS = "/v1/parks/etdz/activity-records"
PARK = {
    "park_id": "etdz",
    "name_zh": "赣州经开区",
    "name_en": "Ganzhou ETDZ",
    "region_code": "360700",
    "factor_set_id": "wang-2024",
}
NDJSON = {"Content-Type": "application/x-ndjson"}
LATER = {**NDJSON, "Prefer": "respond-async"}
FIELDS = ["record_id", "source_id", "period_start", "period_end", "quantity", "unit"]


def line(number: int, quantity: str = "12.5", **more: Any) -> bytes:
    row = [f"r-{number}", "s-1", "2022-01-01", "2022-02-01", quantity, "MWh"]
    return json.dumps({**dict(zip(FIELDS, row, strict=True)), **more}, ensure_ascii=False).encode() + b"\n"


def reason(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    found: str = answer.json()["reason"]
    return found


async def ended(client: httpx.AsyncClient, location: str) -> dict[str, Any]:
    """Follows a job by its events until it has ended, and returns it as it ended."""
    last: dict[str, Any] = {}
    async with asyncio.timeout(30), client.stream("GET", location + "/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        async for text in events.aiter_lines():
            if text.startswith("data: "):
                last = json.loads(text.removeprefix("data: "))
    assert last["state"] in ("succeeded", "failed", "cancelled")
    return last


class TestJobs:
    async def test_an_upload_is_kept_and_recorded_by_a_job(self, with_park: Any) -> None:
        content = b"".join(line(number, "no" if number == 7 else "1") for number in range(12_000))
        async with with_park.client() as client:
            answer = await client.post(RECORDS, content=gzip.compress(content), headers={**LATER, "Content-Encoding": "gzip"})
            assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
            location = answer.headers["location"]
            assert location == f"/v1/jobs/{answer.json()['job_id']}"
            job = await ended(client, location)
            counts = {"rows": 12_000, "accepted": 11_999, "duplicate": 0, "superseded": 0, "rejected": 1}
            assert job == {
                "job_id": answer.json()["job_id"],
                "state": "succeeded",
                "progress": 1.0,
                "result": {"park_id": "etdz", **counts, "results": location + "/results"},
            }
            assert (await client.get(location)).json() == job
            async with with_park.units.read("ganzhou") as unit:
                assert await unit.files.find("ganzhou", f"{job['job_id']}.upload") is None
            rows = [json.loads(text) for text in (await client.get(location + "/results?format=ndjson")).text.splitlines()]
            assert [row["row"] for row in rows] == list(range(1, 12_001))
            assert rows[7]["message"] == "quantity must be a decimal, got no"
            rejected = await client.get(location + "/results?outcome=rejected", headers={"Accept-Language": "zh"})
        assert rejected.headers["content-disposition"].endswith('.csv"')
        assert rejected.content.startswith(b"\xef\xbb\xbf")
        table = list(csv.DictReader(io.StringIO(rejected.content.decode("utf-8-sig"))))
        assert [(row["row"], row["record_id"], row["message"]) for row in table] == [("8", "r-7", "数量必须是十进制数,收到 no")]

    async def test_a_long_body_becomes_a_job_by_itself(self, serve: Callable[..., Any]) -> None:
        content = b"".join(map(line, range(100)))
        async with serve(Limits(upload_bytes=1024)) as served, served.client() as client:
            await client.post("/v1/parks", json=PARK)
            answer = await client.post(RECORDS, content=content, headers=NDJSON)
            assert answer.status_code == 202
            assert (await ended(client, answer.headers["location"]))["result"]["accepted"] == 100

    async def test_cells_of_results_are_no_formulas(self, with_park: Any) -> None:
        content = line(0, record_id="=HYPERLINK(1)") + line(1, "-1") + line(2, quantity="@SUM(1)")
        async with with_park.client() as client:
            location = (await client.post(RECORDS, content=content, headers=LATER)).headers["location"]
            await ended(client, location)
            table = list(csv.DictReader(io.StringIO((await client.get(location + "/results")).content.decode("utf-8-sig"))))
        assert [row["record_id"] for row in table] == ["'=HYPERLINK(1)", "r-1", "r-2"]
        assert [row["found"] for row in table] == ["", "-1", "'@SUM(1)"]

    async def test_a_job_that_fails_says_why_in_the_language_of_who_asks(self, with_park: Any) -> None:
        async with with_park.client() as client:
            location = (await client.post(RECORDS, content=b"\n\n", headers=LATER)).headers["location"]
            job = await ended(client, location)
            assert (job["state"], job["error"]["reason"]) == ("failed", "BODY_EMPTY")
            assert job["error"]["message"] == "the body holds no rows"
            chinese = (await client.get(location, headers={"Accept-Language": "zh"})).json()
            assert chinese["error"]["message"] == "请求体中没有任何数据行"
            assert reason(await client.get(location + "/results"), 404) == "RESULTS_NOT_FOUND"

    async def test_what_cannot_be_pushed_is_refused_before_it_is_kept(self, with_park: Any) -> None:
        async with with_park.client() as client:
            assert reason(await client.post("/v1/parks/none/activity-records", content=line(1), headers=LATER), 404)
            answer = await client.post(RECORDS, content=line(1), headers={**LATER, "Content-Type": "text/plain"})
            assert reason(answer, 415) == "MEDIA_TYPE_UNSUPPORTED"
        async with with_park.client("reader-token") as client:
            assert reason(await client.post(RECORDS, content=line(1), headers=LATER), 403) == "ROLE_MISSING"

    async def test_a_job_of_another_tenant_does_not_exist(self, with_park: Any) -> None:
        async with with_park.client() as client:
            location = (await client.post(RECORDS, content=line(1), headers=LATER)).headers["location"]
            await ended(client, location)
        async with with_park.client("stranger-token") as client:
            for path in (location, location + "/events", location + "/results"):
                assert reason(await client.get(path), 404) == "JOB_NOT_FOUND"

    async def test_an_upload_that_does_not_arrive_leaves_nothing(self, serve: Callable[..., Any]) -> None:
        async with serve(Limits(stream_bytes=2000)) as served, served.client() as client:
            await client.post("/v1/parks", json=PARK)

            async def chunks() -> AsyncIterator[bytes]:
                for number in range(100):
                    yield line(number)

            assert reason(await client.post(RECORDS, content=chunks(), headers=LATER), 413) == "BODY_TOO_LARGE"
            async with served.units.read("ganzhou") as unit:
                assert await unit.files.find("ganzhou", "own-1.upload") is None
                assert await unit.jobs.find("ganzhou", "own-1") is None

    async def test_accounting_that_is_away_only_delays_a_job(self, with_park: Any) -> None:
        async with with_park.client() as client:
            # the first is the question whether there is such a park
            with_park.accounting.failures = [None, None, Unavailable("ACCOUNTING_UNAVAILABLE")]
            content = b"".join(map(line, range(11_000)))
            location = (await client.post(RECORDS, content=content, headers=LATER)).headers["location"]
            job = await ended(client, location)
            assert (job["result"]["accepted"], job["result"]["duplicate"]) == (11_000, 0)
        assert with_park.accounting.batches == [5000, 5000, 1000]

    async def test_a_job_whose_process_died_goes_on_behind_the_last_result(self, with_park: Any) -> None:
        """The first attempt dies between recording its second part and keeping the results: those rows are then duplicates."""
        await with_park.runner.stop()
        content = b"".join(map(line, range(12_000)))
        async with with_park.client() as client:
            location = (await client.post(RECORDS, content=content, headers=LATER)).headers["location"]
            job_id = location.rpartition("/")[2]
            limits = Limits()
            services = RecordingServices(
                with_park.accounting,
                with_park.units,
                BodyReader(Uploads(limits), Workbooks(limits)),
                with_park.runner._clock,
                with_park.access_services.platforms,
                with_park.access_services.authorities,
            )
            work = UploadJobs(services)
            job = await with_park.runner._claim()
            assert job.job_id == job_id

            class Died(BaseException):
                pass

            seen = 0

            async def progress(_fraction: float) -> None:
                nonlocal seen
                seen += 1

            original = with_park.accounting.record_activity

            async def dies_after_the_second(*arguments: Any) -> Any:
                outcome = await original(*arguments)
                if len(with_park.accounting.batches) == 2:
                    raise Died
                return outcome

            with_park.accounting.record_activity = dies_after_the_second
            with pytest.raises(Died):
                await work(JobContext(job, progress))
            assert seen == 1
            with_park.accounting.record_activity = original
            async with with_park.runner._database.begin() as session:
                await session.execute(update(with_park.runner._table).values(lease_until=datetime(2026, 1, 1, tzinfo=UTC)))
                await session.commit()
            await with_park.runner.start()
            result = (await ended(client, location))["result"]
            assert (result["rows"], result["accepted"], result["duplicate"]) == (12_000, 7_000, 5_000)
            rows = [json.loads(text) for text in (await client.get(location + "/results?format=ndjson")).text.splitlines()]
        assert [row["row"] for row in rows] == list(range(1, 12_001))
        assert with_park.accounting.batches == [5000, 5000, 5000, 2000]


class TestIdempotencyKeys:
    async def test_the_same_request_is_answered_as_before_and_done_once(self, with_park: Any) -> None:
        headers = {**NDJSON, "Idempotency-Key": '"8e03978e-40d5"'}
        async with with_park.client() as client:
            first = await client.post(RECORDS, content=line(1), headers=headers)
            again = await client.post(RECORDS, content=line(1), headers=headers)
            assert (first.json()["accepted"], "idempotency-replayed" in first.headers) == (1, False)
            assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (200, first.content, "true")
            assert again.headers["content-language"] == first.headers["content-language"]
            assert again.headers["x-request-id"] != first.headers["x-request-id"]
        assert with_park.accounting.batches == [1]

    async def test_another_request_under_the_key_is_refused(self, with_park: Any) -> None:
        headers = {**NDJSON, "Idempotency-Key": "k"}
        async with with_park.client() as client:
            assert (await client.post(RECORDS, content=line(1), headers=headers)).status_code == 200
            for path, content in ((RECORDS, line(2)), (RECORDS + "?results=none", line(1))):
                assert reason(await client.post(path, content=content, headers=headers), 422) == "IDEMPOTENCY_KEY_REUSED"
        assert with_park.accounting.batches == [1]

    async def test_a_key_is_its_callers_own(self, with_park: Any) -> None:
        headers = {**NDJSON, "Idempotency-Key": "k"}
        async with with_park.client() as ada, with_park.client("operator-token") as cho:
            assert (await ada.post(RECORDS, content=line(1), headers=headers)).json()["accepted"] == 1
            assert (await cho.post(RECORDS, content=line(1), headers=headers)).json()["duplicate"] == 1

    async def test_a_second_request_while_the_first_is_under_way_is_told_so(self, with_park: Any) -> None:
        begun, may_end = asyncio.Event(), asyncio.Event()
        original = with_park.accounting.record_activity

        async def waits(*arguments: Any) -> Any:
            begun.set()
            await may_end.wait()
            return await original(*arguments)

        with_park.accounting.record_activity = waits
        headers = {**NDJSON, "Idempotency-Key": "k"}
        async with with_park.client() as client:
            first = asyncio.create_task(client.post(RECORDS, content=line(1), headers=headers))
            await begun.wait()
            assert reason(await client.post(RECORDS, content=line(1), headers=headers), 409) == "IDEMPOTENCY_KEY_IN_USE"
            may_end.set()
            assert (await first).json()["accepted"] == 1

    async def test_a_request_that_was_not_carried_out_frees_its_key(self, with_park: Any) -> None:
        headers = {**NDJSON, "Idempotency-Key": "k"}
        with_park.accounting.failures = [Unavailable("ACCOUNTING_UNAVAILABLE")]
        async with with_park.client() as client:
            assert reason(await client.post(RECORDS, content=line(1), headers=headers), 503) == "PUSH_INTERRUPTED"
            assert (await client.post(RECORDS, content=line(1), headers=headers)).json()["accepted"] == 1

    async def test_a_job_is_submitted_once(self, with_park: Any) -> None:
        headers = {**LATER, "Idempotency-Key": "k"}
        async with with_park.client() as client:
            locations = {(await client.post(RECORDS, content=line(1), headers=headers)).headers["location"] for _ in range(3)}
            assert len(locations) == 1
            await ended(client, locations.pop())
        assert with_park.accounting.batches == [1]

    async def test_an_answer_of_many_rows_is_kept_too(self, with_park: Any) -> None:
        content = b"".join(map(line, range(6_000)))
        headers = {**NDJSON, "Idempotency-Key": "k"}
        async with with_park.client() as client:
            answers = [await client.post(RECORDS + "?results=all", content=content, headers=headers) for _ in range(2)]
        assert answers[0].content == answers[1].content
        assert len(answers[0].json()["results"]) == 6_000

    @pytest.mark.parametrize("key", ['""', "a b", "x" * 256, '"open', "ключ".encode()], ids=str)
    async def test_what_is_no_key_is_refused(self, with_park: Any, key: Any) -> None:
        async with with_park.client() as client:
            answer = await client.post(RECORDS, content=line(1), headers={**NDJSON, "Idempotency-Key": key})
            assert reason(answer, 400) == "IDEMPOTENCY_KEY_MALFORMED"

    async def test_every_post_takes_a_key(self, served: Any) -> None:
        async with served.client(**{"Idempotency-Key": "k"}) as client:
            assert [(await client.post("/v1/parks", json=PARK)).status_code for _ in range(2)] == [201, 201]
            assert (await client.post("/v1/parks", json=PARK, headers={"Idempotency-Key": "other"})).status_code == 200


PROFILE: dict[str, Any] = {
    "columns": {"流水号": "record_id", "表号": "source_id", "起": "period_start", "止": "period_end", "读数": "quantity"},
    "ignore_other_columns": True,
    "defaults": {"unit": "度"},
    "units": {"度": "kWh"},
    "utc_offset": "+08:00",
}
CSV = "流水号,备注,表号,起,止,读数\nr-1,x,s-1,2022/1/1 0:00,2022-01-01 00:15:00,12.5\nr-2,,s-1,2022/1/2,2022/2/1,3\n"


def bound(served: Any, token: str, subject: str, enterprise: str) -> None:
    """Lets an enterprise in by a token."""
    caller = Caller(subject, "ganzhou", frozenset({Role.ENTERPRISE}), enterprises=frozenset({enterprise}))
    served.tokens.let_in(token, caller)


class TestProfiles:
    async def test_own_files_are_read_by_a_profile(self, with_park: Any) -> None:
        async with with_park.client() as client:
            assert (await client.put("/v1/mapping-profiles/erp", json=PROFILE)).status_code == 201
            answer = await client.post(
                RECORDS + "?profile=erp", content=CSV.encode("gb18030"), headers={"Content-Type": "text/csv"}
            )
            assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 0)
            listed = (await client.get(RECORDS)).json()["records"]
            assert [(r["record_id"], r["period_start_time"], r["period_end_time"], r["quantity"], r["unit"]) for r in listed] == [
                ("r-1", "2022-01-01T00:00:00+08:00", "2022-01-01T00:15:00+08:00", "12.5", "kWh"),
                ("r-2", "2022-01-02", "2022-02-01", "3", "kWh"),
            ]
            row = {"流水号": "r-3", "表号": "s-1", "起": "2022-02-01", "止": "2022-03-01", "读数": "1", "unit": "MWh", "备注": 5}
            for media, content in (
                ("application/json", json.dumps([row])),
                ("application/x-ndjson", json.dumps({**row, "流水号": "r-4"})),
            ):
                answer = await client.post(RECORDS + "?profile=erp", content=content, headers={"Content-Type": media})
                assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 0)
            location = (
                await client.post(
                    RECORDS + "?profile=erp",
                    content=CSV.encode(),
                    headers={"Content-Type": "text/csv", "Prefer": "respond-async"},
                )
            ).headers["location"]
            assert (await ended(client, location))["result"]["duplicate"] == 2
            assert (await client.get(RECORDS)).json()["records"][2]["unit"] == "MWh"

    async def test_a_change_is_the_next_version_and_the_old_one_stays(self, served: Any) -> None:
        path = "/v1/mapping-profiles/erp"
        async with served.client() as client:
            assert (await client.put(path, json=PROFILE)).json()["version"] == 1
            again = await client.put(path, json=PROFILE)
            assert (again.status_code, again.json()["version"]) == (200, 1)
            assert (await client.put(path, json={**PROFILE, "units": {}})).json()["version"] == 2
            assert (await client.get(path)).json()["units"] == {}
            assert (await client.get(path + "?version=1")).json()["units"] == {"度": "kWh"}
            assert reason(await client.get(path + "?version=3"), 404) == "PROFILE_NOT_FOUND"
            await client.put("/v1/mapping-profiles/a", json={})
            listed = (await client.get("/v1/mapping-profiles?page_size=1")).json()
            assert [entry["profile_id"] for entry in listed["profiles"]] == ["a"]
            rest = (await client.get(f"/v1/mapping-profiles?page_token={listed['next_page_token']}")).json()
            assert [(entry["profile_id"], entry["version"]) for entry in rest["profiles"]] == [("erp", 2)]
            assert rest["next_page_token"] == ""

    async def test_profiles_are_the_tenants_own(self, with_park: Any) -> None:
        async with with_park.client() as client:
            await client.put("/v1/mapping-profiles/erp", json=PROFILE)
        async with with_park.client("stranger-token") as client:
            assert reason(await client.get("/v1/mapping-profiles/erp"), 404) == "PROFILE_NOT_FOUND"
            assert (await client.get("/v1/mapping-profiles")).json()["profiles"] == []
        async with with_park.client("reader-token") as client:
            assert reason(await client.put("/v1/mapping-profiles/erp", json={}), 403) == "ROLE_MISSING"

    async def test_nobody_who_is_bound_reads_or_changes_the_profile_of_another(self, with_park: Any) -> None:
        bound(with_park, "e1-token", "e1", "etdz/e1")
        bound(with_park, "e2-token", "e2", "etdz/e2")
        path, kwh, mwh = "/v1/mapping-profiles/meters", {"units": {"度": "kWh"}}, {"units": {"度": "MWh"}}
        async with with_park.client("e1-token") as client:
            made = await client.put(path, json=kwh)
            assert (made.status_code, made.json()["owner"]) == (201, "e1")
        async with with_park.client("e2-token") as client:
            for body in (mwh, kwh):
                # also of the same content: whether it is the same is not told
                refused = await client.put(path, json=body)
                assert reason(refused, 409) == "PROFILE_TAKEN"
                assert "度" not in refused.text
                assert "e1" not in refused.text
            assert reason(await client.get(path), 404) == "PROFILE_NOT_FOUND"
            assert reason(await client.get(path + "?version=1"), 404) == "PROFILE_NOT_FOUND"
            assert (await client.get("/v1/mapping-profiles")).json() == {"profiles": [], "next_page_token": ""}
            assert reason(await client.post(RECORDS + "?profile=meters", json=[]), 404) == "PROFILE_NOT_FOUND"
        async with with_park.client("e1-token") as client:
            found = (await client.get(path)).json()
            assert (found["version"], found["units"]) == (1, kwh["units"])

    async def test_who_acts_on_the_whole_tenant_changes_each_profile_and_shares_its_own(self, with_park: Any) -> None:
        bound(with_park, "e1-token", "e1", "etdz/e1")
        async with with_park.client("e1-token") as client:
            await client.put("/v1/mapping-profiles/meters", json={"units": {"度": "kWh"}})
        async with with_park.client() as client:
            changed = (await client.put("/v1/mapping-profiles/meters", json={"units": {"度": "MWh"}})).json()
            assert (changed["version"], changed["saved_by"], changed["owner"]) == (2, "ada", "e1")
            assert "owner" not in (await client.put("/v1/mapping-profiles/shared", json=PROFILE)).json()
        async with with_park.client("e1-token") as client:
            listed = (await client.get("/v1/mapping-profiles")).json()["profiles"]
            assert [(each["profile_id"], each["version"]) for each in listed] == [("meters", 2), ("shared", 1)]
            assert reason(await client.put("/v1/mapping-profiles/shared", json={}), 409) == "PROFILE_TAKEN"
            assert (await client.put("/v1/mapping-profiles/meters", json={})).json()["owner"] == "e1"

    async def test_a_push_tells_which_version_of_a_profile_it_was_read_with(self, with_park: Any) -> None:
        csv, later = {"Content-Type": "text/csv"}, {"Content-Type": "text/csv", "Prefer": "respond-async"}
        async with with_park.client() as client:
            await client.put("/v1/mapping-profiles/erp", json={**PROFILE, "units": {}})
            await client.put("/v1/mapping-profiles/erp", json=PROFILE)
            for address, expected in (("?profile=erp", 2), ("?profile=erp&profile_version=1", 1)):
                receipt = (await client.post(RECORDS + address, content=CSV.encode(), headers=csv)).json()
                assert (receipt["profile_id"], receipt["profile_version"]) == ("erp", expected)
                job = (await client.post(RECORDS + address, content=CSV.encode(), headers=later)).headers["location"]
                result = (await ended(client, job))["result"]
                assert (result["profile_id"], result["profile_version"]) == ("erp", expected)
            plain = (await client.post(RECORDS, json=[])).json()
            assert not {"profile_id", "profile_version"} & plain.keys()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"columns": {"a": "no_field"}}, "columns.a"),
            ({"columns": {"数量": "unit"}}, "columns"),
            ({"columns": {"": "unit"}}, "columns"),
            ({"defaults": {"record_id": "r"}}, "defaults"),
            ({"units": {"度": "x" * 201}}, "units"),
            ({"units": {f"u{n}": "kWh" for n in range(201)}}, "units"),
            ({"utc_offset": "8"}, "utc_offset"),
            ({"colour": "red"}, "colour"),
        ],
    )
    async def test_a_profile_that_could_not_be_applied_is_refused(self, served: Any, body: dict[str, Any], field: str) -> None:
        async with served.client() as client:
            answer = await client.put("/v1/mapping-profiles/erp", json=body)
        assert reason(answer, 422) == "FIELDS_INVALID"
        assert answer.json()["errors"][0]["field"] == field

    async def test_a_profile_that_does_not_exist_refuses_the_push(self, with_park: Any) -> None:
        async with with_park.client() as client:
            assert reason(await client.post(RECORDS + "?profile=none", json=[]), 404) == "PROFILE_NOT_FOUND"
