"""Pushers: each sends the batches of one lane of a park, and follows the jobs that come of them."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

import httpx

from tests.faults.forms import Form, drawn, profile_body
from tests.faults.intents import IntentLog
from tests.faults.sites import Site, Tenant
from tests.faults.workload import Batch, Workload

ANSWER_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 1.0
TWIN_SHARE = 0.03
NEW_VERSION_SHARE = 0.05
ASK_SECONDS = 1.0
# after the last fault: a worker that died keeps its job for a minute, and an attempt that found accounting away rests ever longer
JOB_SECONDS = 300.0
ENDED = frozenset({"succeeded", "failed", "cancelled"})
# answers that say: come again
COME_AGAIN = frozenset({429, 502, 503, 504})

JOB_LANE = "later-"
JOBS_UNDER_WAY = 8


@dataclass(frozen=True)
class Lane:
    """What one pusher sends.

    Attributes:
        workload: Its batches; those of jobs wait for none of the latest.
        later: Whether they are recorded by jobs.
        sizes: Rows of a batch, from and to.
        rows_per_second: At most.
    """

    workload: Workload
    later: bool
    sizes: tuple[int, int]
    rows_per_second: float


def client(url: str, tenant: Tenant, seconds: float = 60.0) -> httpx.AsyncClient:
    """Returns a client that sends a tenant's token."""
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {tenant.token}"}, timeout=seconds, trust_env=False)


class Pusher:
    """Sends the batches of a lane one after the other, each until it is answered."""

    def __init__(self, site: Site, tenant: Tenant, lane: Lane, intents: IntentLog, seed: int, counts: Counter[str]) -> None:
        """Prepares.

        Args:
            site: The platform.
            tenant: Whose park it is.
            lane: What is sent.
            intents: Takes each batch before it is sent, and each answer.
            seed: Of the run.
            counts: Of the report.
        """
        self._enough = False
        self._ends_at = math.inf
        self._site = site
        self._tenant = tenant
        self._lane = lane
        self._intents = intents
        self._counts = counts
        name = f"{lane.workload.park_id}{lane.workload.lane}"
        self._random = Random(f"{seed} pusher {name}")
        self._forms = Random(f"{seed} forms {name}")
        self._profile = f"{lane.workload.park_id}-{lane.workload.lane}1"
        self._profiles = 1
        self._versions = 0

    def finish(self) -> None:
        """Sends no more batches, and gives jobs that are under way the time that they may take when there are no faults."""
        self._enough = True
        self._ends_at = time.monotonic() + JOB_SECONDS

    async def push(self) -> None:
        """Sends until it is enough, and returns when every job has ended or had its time."""
        workload, later = self._lane.workload, self._lane.later
        following: deque[asyncio.Task[None]] = deque()
        async with (
            client(self._site.url, self._tenant, ANSWER_SECONDS) as door,
            client(self._site.direct_url, self._tenant) as direct,
            asyncio.TaskGroup() as tasks,
        ):
            while not self._enough:
                began = time.monotonic()
                size = self._random.randint(*self._lane.sizes)
                batch = workload.next_batch(size)
                if batch is None:
                    return
                if self._forms.random() < NEW_VERSION_SHARE or not self._versions:
                    await self._save_profile(door)
                form = drawn(self._forms, later=later, profile_id=self._profile, versions=self._versions)
                rows = form.rows(batch.rows)
                self._intents.write("batch", **_name(batch), form=asdict(form), kinds=batch.kinds, rows=rows)
                for job_id in await self._until_answered(door, batch, form, form.body(rows)):
                    following.append(tasks.create_task(self._follow(direct, batch, job_id)))
                if not later:
                    self._counts["batches answered under faults"] += not self._enough
                await asyncio.sleep(max(0.0, began + size / self._lane.rows_per_second - time.monotonic()))
                # a lane may refer to what lies further back than so many batches
                while len(following) > workload.under_way:
                    await following.popleft()

    async def _save_profile(self, door: httpx.AsyncClient) -> None:
        version, attempts = self._versions + 1, 0
        while not self._enough:
            attempts += 1
            answer = await _asked(lambda: door.put(f"/v1/mapping-profiles/{self._profile}", json=profile_body(version)))
            if answer is not None and answer.status_code not in COME_AGAIN:
                answer.raise_for_status()
                saved = answer.json()
                body = profile_body(version)
                self._intents.write("profile", profile_id=self._profile, version=saved["version"], body=body)
                self._versions = version
                break
            await asyncio.sleep(self._random.uniform(0.1, LONGEST_PAUSE_SECONDS))
        if attempts > 1:
            # The first request may still be carried out, and would make a version that nobody knows of the newest.
            self._profiles += 1
            self._profile = f"{self._lane.workload.park_id}-{self._lane.workload.lane}{self._profiles}"
            self._versions = 0

    async def _until_answered(self, door: httpx.AsyncClient, batch: Batch, form: Form, body: bytes) -> list[str]:
        """Sends a batch until it is answered; returns the jobs that came of it."""
        pause = 0.05
        while True:
            twins = 2 if self._random.random() < TWIN_SHARE else 1
            done = await asyncio.gather(*(self._attempt(door, batch, form, body) for _ in range(twins)))
            if any(each is not None for each in done):
                return [job_id for each in done if each is not None for job_id in each]
            await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _attempt(self, door: httpx.AsyncClient, batch: Batch, form: Form, body: bytes) -> list[str] | None:
        """Sends a batch once; returns the jobs that came of it, None where it has to be sent again."""
        name = _name(batch)
        path = f"/v1/parks/{batch.park_id}/activity-records"
        try:
            answer = await door.post(path, content=body, params=form.params(), headers=form.headers())
        except httpx.TransportError as error:
            self._intents.write("unanswered", **name, why=type(error).__name__)
            return None
        if answer.status_code == 200 and not form.later:
            results = answer.json()["results"]
            outcomes = [(each["outcome"], each.get("problem", {}).get("reason", "")) for each in results]
            self._intents.write("answer", **name, outcomes=outcomes)
            return []
        if answer.status_code == 202 and form.later:
            job_id = answer.json()["job_id"]
            self._intents.write("job", **name, job_id=job_id)
            return [job_id]
        if answer.status_code in COME_AGAIN:
            self._counts[f"answers {answer.status_code}"] += 1
            self._intents.write("unanswered", **name, why=f"{answer.status_code} {answer.text[:500]}")
            return None
        self._intents.write("refused", **name, status=answer.status_code, body=answer.text[:500])
        return []

    async def _follow(self, direct: httpx.AsyncClient, batch: Batch, job_id: str) -> None:
        answer = await self._until_ok(lambda: direct.get(f"/v1/jobs/{job_id}"), lambda found: found.json()["state"] in ENDED)
        if answer is None:
            self._intents.write("job_open", **_name(batch), job_id=job_id, why=f"not ended in {JOB_SECONDS:g} s without faults")
            return
        job = answer.json()
        results: list[Any] = []
        if job["state"] == "succeeded":
            listed = await self._until_ok(lambda: direct.get(f"/v1/jobs/{job_id}/results", params={"format": "ndjson"}))
            results = [] if listed is None else [json.loads(line) for line in listed.text.splitlines()]
        ended = {"state": job["state"], "result": job.get("result"), "error": job.get("error")}
        self._intents.write("job_ended", **_name(batch), job_id=job_id, **ended, results=results)

    async def _until_ok(
        self, ask: Callable[[], Any], reached: Callable[[httpx.Response], bool] = lambda _found: True
    ) -> httpx.Response | None:
        """Asks a process that dies now and then until it answers 200 and what is waited for; None when there is no time left."""
        while time.monotonic() < self._ends_at:
            answer = await _asked(ask)
            if answer is not None and answer.status_code == 200 and reached(answer):
                return answer
            await asyncio.sleep(ASK_SECONDS)
        return None


def _name(batch: Batch) -> dict[str, Any]:
    return {"park_id": batch.park_id, "lane": batch.lane, "number": batch.number}


async def _asked(ask: Callable[[], Any]) -> httpx.Response | None:
    try:
        answer: httpx.Response = await ask()
    except httpx.TransportError:
        return None
    return answer
