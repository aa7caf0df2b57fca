"""The run: parks are pushed to, faults come by seed, then it is quiet, then everything is checked."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from chassis.broker import BrokerError
from tests.faults import job_oracle, oracle
from tests.faults.deliveries import Delivery, compare_deliveries
from tests.faults.disorder import Disorder
from tests.faults.intents import IntentLog, read
from tests.faults.oracle import Account
from tests.faults.processes import Supervised
from tests.faults.proxy import Proxy, Weather
from tests.faults.pushing import ASK_SECONDS, ENDED, JOB_LANE, JOB_SECONDS, JOBS_UNDER_WAY, Lane, Pusher, client
from tests.faults.receiver import Receiver
from tests.faults.sites import Site, Tenant
from tests.faults.stored import gateway_jobs
from tests.faults.verdict import Verdict
from tests.faults.workload import FACTOR_SET, Workload

SMALLEST_BATCH = 20
LARGEST_BATCH = 400
# of jobs a second beside what is pushed at once
LATER_SHARE = 0.25
READY_SECONDS = 120.0
SETTLED_SECONDS = 90.0
# in the report also when they are 0
ALWAYS_SHOWN = (
    "lost",
    "counted twice",
    "made up",
    "totals differ",
    "torn batches",
    "chain breaks",
    "feed positions",
    "gaps of webhooks",
    job_oracle.WRONG_STATE,
    job_oracle.WRONG_RESULTS,
)
PAGE_RECORDS = 10_000
PAGE_CHANGES = 1_000
# between two changes: a webhook whose sender died is taken by another after a minute, and one that failed rests for half of one
DELIVERED_SECONDS = 150.0


@dataclass(frozen=True)
class Plan:
    """How long and how hard.

    Attributes:
        seed: Of workload and faults; how faults and batches meet depends on the machine.
        seconds: Of faults.
        kills: At least so many; when they have not come within `seconds`, it goes on.
        batches: At least so many answered, likewise.
        at_most_seconds: Of faults, whatever is still missing.
        fault_seconds: Between faults, from and to.
        rows_per_second: Pushed to each park at once, at most; jobs have a quarter as many beside them.
        quiet_seconds: Between the last fault and the checks.
    """

    seed: int
    seconds: float
    kills: int
    batches: int
    at_most_seconds: float
    fault_seconds: tuple[float, float] = (1.0, 3.0)
    rows_per_second: float = 400.0
    quiet_seconds: float = 5.0


@dataclass
class Report:
    """What happened and what was found.

    Attributes:
        seed: Of the plan.
        counts: Figures by name.
        wrong: Failed checks, how often.
        sentences: What the first of them were.
    """

    seed: int
    counts: Counter[str]
    wrong: Counter[str]
    sentences: list[str]
    kills: int
    wall_seconds: float = 0.0

    def text(self) -> str:
        """Returns the report for people."""
        acknowledged = self.counts["records acknowledged"]
        lines = [f"seed {self.seed}, {self.wall_seconds:.0f} s, {self.kills} kills"]
        lines += [f"  {name}: {value:,}" for name, value in sorted(self.counts.items())]
        lines += [f"  {name}: {self.wrong[name]}" for name in ALWAYS_SHOWN]
        if not self.wrong and acknowledged and self.kills:
            lines.append(
                f"  95 % bounds by 3/n: a record lost or counted twice < {3 / acknowledged:.1e},"
                f" a kill that does so < {3 / self.kills:.2f}"
            )
        lines += [f"  WRONG {name}: {count}" for name, count in self.wrong.items()]
        lines += [f"    {sentence}" for sentence in self.sentences]
        return "\n".join(lines)


async def run(site: Site, plan: Plan, parks: Sequence[str], disorder: Disorder, intents: IntentLog) -> Report:
    """Runs a plan against a platform that it starts and ends.

    Args:
        site: The platform.
        plan: How long and how hard.
        parks: To push to; each tenant of the site has some of them.
        disorder: Of the site.
        intents: The log that the workload writes and the oracle reads.
    """
    started = time.monotonic()
    lanes = {park: _lanes(plan, park) for park in parks}
    verdict = Verdict()
    counts: Counter[str] = Counter()
    receiver = Receiver(Random(f"{plan.seed} receiver"))
    try:
        await receiver.start()
        await site.start()
        pushers = []
        webhooks = {}
        for tenant in site.tenants:
            webhooks[tenant.name] = await _follow_feed(site, tenant, receiver)
            for park in tenant.parks:
                for lane in lanes.get(park, ()):
                    await _register(site, tenant, lane.workload)
                    pushers.append(Pusher(site, tenant, lane, intents, plan.seed, counts))
        async with asyncio.TaskGroup() as pushing:
            receiver.misbehave()
            for pusher in pushers:
                pushing.create_task(pusher.push())
            await _Faults(site, plan, counts).run()
            await receiver.calm_down()
            for pusher in pushers:
                pusher.finish()
            for process in site.processes:
                await process.wait_ready(READY_SECONDS)
        await site.disturb_at_last()
        await asyncio.sleep(plan.quiet_seconds)
        sources = {park: frozenset().union(*(lane.workload.sources for lane in own)) for park, own in lanes.items()}
        between_services = "accounting" in site.proxies
        accounts = oracle.expected_accounts(read(intents.path), sources, verdict, repeated_inside=between_services)
        await _check_jobs(site, verdict)
        await _check(site, accounts, webhooks, receiver, verdict)
        letters = await site.dead_letters()
        markers = [entry["marker"] for entry in read(intents.path) if entry["kind"] == "poison"]
        oracle.compare_dead_letters(markers, letters, verdict)
    finally:
        await site.stop()
        await receiver.stop()
    for process in site.processes:
        counts[f"kills of {process.name}"] = process.kills
        counts[f"freezes of {process.name}"] = process.freezes
        counts[f"{process.name} ended itself"] = process.ended_itself
    counts["connections cut"] = sum(proxy.cuts for proxy in site.proxies.values())
    return Report(
        seed=plan.seed,
        counts=counts + verdict.counts + disorder.counts + receiver.counts,
        wrong=verdict.wrong,
        sentences=verdict.sentences,
        kills=sum(process.kills for process in site.processes),
        wall_seconds=time.monotonic() - started,
    )


async def _register(site: Site, tenant: Tenant, workload: Workload) -> None:
    park = {
        "park_id": workload.park_id,
        "name_zh": workload.park_id,
        "name_en": workload.park_id,
        "region_code": "360700",
        "factor_set_id": FACTOR_SET,
    }
    async with client(site.direct_url, tenant) as asking:
        (await asking.post("/v1/parks", json=park)).raise_for_status()
        for source in workload.registrations():
            (await asking.post(f"/v1/parks/{workload.park_id}/sources", json=source)).raise_for_status()


def _lanes(plan: Plan, park_id: str) -> list[Lane]:
    at_once = Lane(Workload(plan.seed, park_id), False, (SMALLEST_BATCH, LARGEST_BATCH), plan.rows_per_second)
    by_jobs = Workload(plan.seed, park_id, lane=JOB_LANE, under_way=JOBS_UNDER_WAY, sources_per_carrier=4)
    return [at_once, Lane(by_jobs, True, (SMALLEST_BATCH // 2, LARGEST_BATCH // 4), plan.rows_per_second * LATER_SHARE)]


async def _follow_feed(site: Site, tenant: Tenant, receiver: Receiver) -> str:
    """Has the feed of a tenant sent to the receiver from its beginning; returns the id of the webhook."""
    async with client(site.direct_url, tenant) as asking:
        answer = await asking.post("/v1/webhooks", json={"url": receiver.url(tenant.name)})
        answer.raise_for_status()
        made = answer.json()
        receiver.expect(tenant.name, made["secret"])
        return str(made["webhook_id"])


class _Faults:
    """Kills, bad weather and disorder among events, by seed."""

    def __init__(self, site: Site, plan: Plan, counts: Counter[str]) -> None:
        self._site = site
        self._plan = plan
        self._counts = counts
        self._random = Random(f"{plan.seed} faults")
        self._clearing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        begin = time.monotonic()
        while not self._is_enough(time.monotonic() - begin):
            await asyncio.sleep(self._random.uniform(*self._plan.fault_seconds))
            drawn = self._random.random()
            if drawn < 0.55:
                await self._kill(self._random.choice(self._site.processes))
            elif drawn < 0.67:
                self._freeze(self._random.choice(self._site.processes))
            elif drawn < 0.75:
                self._random.choice(list(self._site.proxies.values())).cut()
            elif drawn < 0.90:
                self._bad_weather()
            try:
                # every round: what it does must meet the other faults
                await self._site.disturb_events()
            except BrokerError:
                self._counts["events not disturbed, the broker was away"] += 1
        for proxy in self._site.proxies.values():
            proxy.clear()
        for task in list(self._clearing):
            task.cancel()
        await asyncio.gather(*self._clearing, return_exceptions=True)

    def _is_enough(self, seconds: float) -> bool:
        kills = sum(process.kills for process in self._site.processes)
        enough = kills >= self._plan.kills and self._counts["batches answered under faults"] >= self._plan.batches
        return seconds >= self._plan.seconds and (enough or seconds >= self._plan.at_most_seconds)

    async def _kill(self, process: Supervised) -> None:
        # one that is only starting has nothing to lose: it dies while it works, whatever the others do then
        if not process.ready:
            await process.wait_ready(READY_SECONDS)
            await asyncio.sleep(self._random.uniform(*self._plan.fault_seconds))
        if process.ready:
            process.kill(self._random.uniform(0.0, 1.0))

    def _freeze(self, process: Supervised) -> None:
        if process.ready:
            # from a hiccup to longer than a caller waits, a group's session and a connection's patience
            process.freeze(self._random.uniform(0.2, 8.0))

    def _bad_weather(self) -> None:
        name, proxy = self._random.choice(list(self._site.proxies.items()))
        kind, weather = self._random.choice(
            [
                ("delay", Weather(latency_seconds=self._random.uniform(0.05, 0.5))),
                ("slices", Weather(slice_bytes=self._random.randint(200, 2000), latency_seconds=0.001)),
                ("down", Weather(down=True)),
                ("requests swallowed", Weather(swallow_requests=True)),
                ("answers swallowed", Weather(swallow_answers=True)),
                ("reset in a body", Weather(reset_after_bytes=self._random.randint(1, 30_000))),
            ]
        )
        self._counts[f"weather at the {name}: {kind}"] += 1
        proxy.weather = weather
        clearing = asyncio.create_task(_clear_after(proxy, self._random.uniform(0.5, 3.0)))
        self._clearing.add(clearing)
        clearing.add_done_callback(self._clearing.discard)


async def _clear_after(proxy: Proxy, seconds: float) -> None:
    await asyncio.sleep(seconds)
    proxy.clear()


async def _check_jobs(site: Site, verdict: Verdict) -> None:
    """Checks the jobs that stand in the database, those whose 202 was lost among them, when each has had its time."""
    ends_at = time.monotonic() + JOB_SECONDS
    while True:
        stored, uploads = await gateway_jobs(site.gateway_database)
        if all(state in ENDED for _, state, _ in stored) or time.monotonic() > ends_at:
            break
        await asyncio.sleep(ASK_SECONDS)
    job_oracle.compare_stored(stored, uploads, verdict)


async def _check_webhook(
    asking: httpx.AsyncClient, webhook_id: str, delivered: Sequence[Delivery], changes: Sequence[dict[str, Any]], verdict: Verdict
) -> None:
    position, moved_at = -1, time.monotonic()
    while position < len(changes) and time.monotonic() < moved_at + DELIVERED_SECONDS:
        state = (await asking.get(f"/v1/webhooks/{webhook_id}")).json()
        if state["position"] != position:
            position, moved_at = state["position"], time.monotonic()
        await asyncio.sleep(ASK_SECONDS)
    compare_deliveries(webhook_id, delivered, changes, state, verdict)


async def _check(site: Site, accounts: dict[str, Account], webhooks: dict[str, str], receiver: Receiver, verdict: Verdict) -> None:
    totals: dict[str, Any] = {}
    heads: dict[str, dict[int, str]] = {}
    for tenant in site.tenants:
        own = [park for park in tenant.parks if park in accounts]
        async with client(site.direct_url, tenant) as asking:
            changes = await _settled_feed(asking, own, accounts)
            oracle.compare_positions(changes, frozenset(tenant.parks), verdict)
            await _check_webhook(asking, webhooks[tenant.name], receiver.delivered[tenant.name], changes, verdict)
            for park in own:
                oracle.compare_records(park, accounts[park], await _records(asking, park), verdict)
                totals[park] = await _totals(asking, park)
                oracle.compare_totals(park, accounts[park], totals[park], verdict)
                oracle.compare_feed(park, accounts[park], [each for each in changes if each["park_id"] == park], verdict)
                heads[park] = oracle.compare_chain(park, [each for each in changes if each["park_id"] == park], verdict)
                await _check_recomputed(asking, park, totals[park], verdict)
            for park in accounts.keys() - set(tenant.parks):
                verdict.counts["parks of others asked for"] += 1
                if (await asking.get(f"/v1/parks/{park}/emissions?from=2020&to=2023")).status_code != 404:
                    verdict.fail("cross-tenant", f"{tenant.name} reads {park}")
    if waiting := await site.waiting_events():
        verdict.fail("outbox", f"{waiting} events still wait")
    for process in site.processes:
        process.kill(0.0)
        process.kills -= 1
    for process in site.processes:
        await process.wait_ready(READY_SECONDS)
    for tenant in site.tenants:
        async with client(site.direct_url, tenant) as asking:
            for park in [park for park in tenant.parks if park in accounts]:
                if await _totals(asking, park) != totals[park]:
                    verdict.fail("totals differ", f"{park}: others after a restart of everything")
                await _check_stored_head(asking, park, heads[park], verdict)


async def _check_stored_head(asking: httpx.AsyncClient, park: str, heads: dict[int, str], verdict: Verdict) -> None:
    """Closes a year, which computes the chain from the stored records and names its head: the one that the feed has told."""
    closed = await asking.post(f"/v1/parks/{park}/inventories", json={"year": 2020})
    if closed.status_code == 422:
        # no record of the year is in force
        return
    inventory = closed.json()
    if not closed.is_success or inventory["head_sha256"] != heads.get(inventory["last_position"]):
        verdict.fail("chain breaks", f"{park}: {closed.status_code} {closed.text[:500]}")
    verdict.counts["stored heads compared"] += 1


async def _check_recomputed(asking: httpx.AsyncClient, park: str, totals: Any, verdict: Verdict) -> None:
    started = await asking.post(f"/v1/parks/{park}/sums:rebuild")
    started.raise_for_status()
    async with asyncio.timeout(SETTLED_SECONDS):
        # another process's job: there is no event of this one's to wait for
        while (job := (await asking.get(started.headers["Location"])).json())["state"] not in ENDED:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    result = job.get("result") or {}
    if job["state"] != "succeeded" or int(result["corrected"]) != 0:
        verdict.fail("recomputation", f"{park}: {job}")
    verdict.counts["sums recomputed"] += int(result.get("sums", 0))
    if await _totals(asking, park) != totals:
        verdict.fail("recomputation", f"{park}: other totals afterwards")


async def _totals(asking: httpx.AsyncClient, park: str) -> Any:
    answer = await asking.get(f"/v1/parks/{park}/emissions", params={"from": "2020", "to": "2023", "group_by": "source,month"})
    answer.raise_for_status()
    # the groups' keys beside their sums, as the oracle reads them
    body = answer.json()
    body["groups"] = [{**group.get("keys", {}), **group} for group in body["groups"]]
    return body


async def _records(asking: httpx.AsyncClient, park: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        answer = await asking.get(f"/v1/parks/{park}/activity-records", params={"page_size": PAGE_RECORDS, "page_token": token})
        answer.raise_for_status()
        page = answer.json()
        found += page["records"]
        token = page["next_page_token"]
        if not token:
            return found


async def _settled_feed(asking: httpx.AsyncClient, parks: Sequence[str], accounts: dict[str, Account]) -> list[dict[str, Any]]:
    """Reads the feed until it has told of every record, or for so long nothing of any."""
    wanted = sum(len(accounts[park].records) for park in parks)
    changes: list[dict[str, Any]] = []
    cursor, told, moved_at = "", 0, time.monotonic()
    while told < wanted and time.monotonic() < moved_at + DELIVERED_SECONDS:
        answer = await asking.get("/v1/changes", params={"since": cursor, "limit": PAGE_CHANGES})
        answer.raise_for_status()
        page = json.loads(answer.content)
        changes += page["changes"]
        told += sum(len(each["data"]["record_id"]) for each in page["changes"] if each["type"].endswith(".ActivityRecorded"))
        cursor = page["next"]
        if page["changes"]:
            moved_at = time.monotonic()
        if not page["more"]:
            await asyncio.sleep(ASK_SECONDS)
    # what follows the last record: its sums, and whatever should not be there
    while True:
        page = (await asking.get("/v1/changes", params={"since": cursor, "limit": PAGE_CHANGES})).json()
        changes += page["changes"]
        cursor = page["next"]
        if not page["changes"]:
            return changes
