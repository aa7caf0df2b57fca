"""Two tenants with everything in them that an operation names, a secret in each object, and a caller of every kind."""

import asyncio
import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from tests.security.oracle import NOWHERE, Place, Secret, Thing, Who
from tests.security.rules import FOLLOWERS, KNOWN, MANAGERS, OPERATOR, OWN_READERS, PARK_READERS, RECORDERS, ROLES

Body = dict[str, Any]

YEAR, EARLIER = 2022, 2021
REGION, CITY = "360700", "3607"
BOUND_TO: Mapping[str, Mapping[str, list[str]]] = {
    "none": {},
    "parks": {"parks": ["near"]},
    "regions": {"regions": [CITY]},
    "enterprises": {"enterprises": ["near/mill"]},
    "parks+regions": {"parks": ["near"], "regions": [CITY]},
    "parks+enterprises": {"parks": ["near", "next"], "enterprises": ["near/mill"]},
    "regions+enterprises": {"regions": [CITY], "enterprises": ["near/mill"]},
    "all": {"parks": ["near", "far"], "regions": [CITY], "enterprises": ["near/mill", "far/mill"]},
    "nothing": {"parks": ["far"], "regions": [CITY], "enterprises": ["near/mill"]},
}
"""Every combination of bounds, seen from the park `near`; the last one leaves nothing."""

NEEDED = {"region_reader": "regions", "enterprise": "enterprises", "verifier": "parks"}
"""The bound without which a caller of a role is not registered."""


def kinds_of_callers() -> Iterator[tuple[frozenset[str], str]]:
    """Yields every role and every two roles, with every combination of bounds that such a caller may have."""
    pairs = itertools.combinations(sorted(ROLES - OPERATOR), 2)
    for roles in map(frozenset, [*((role,) for role in sorted(ROLES)), *pairs]):
        for name, bounds in BOUND_TO.items():
            needed = {NEEDED[role] for role in roles if role in NEEDED}
            if needed <= bounds.keys() and not (bounds and roles & OPERATOR):
                yield roles, name


def mark(*about: str) -> str:
    """Returns a text that stands for something and occurs nowhere else."""
    return "zq" + hashlib.sha256("/".join(about).encode()).hexdigest()[:12]


def number(*about: str) -> str:
    """Returns an amount that occurs nowhere else, with six decimals, the first and last of them no 0."""
    digits = int(hashlib.sha256("/".join(about).encode()).hexdigest(), 16)
    return f"{10_000 + digits % 80_000}.{digits // 80_000 % 9 + 1}{digits // 10**8 % 10_000:04}{digits // 10**14 % 9 + 1}"


@dataclass
class World:
    """What there is.

    Attributes:
        ask: Sends requests, without a credential of its own.
        operators: Headers of the operator of each tenant.
        places: Parks by name.
        things: Objects by kind and by what they are to the callers that ask.
        secrets: By text; amounts by their digits.
        bodies: What was sent to make things, so that it can be sent again: by address.
        headers: Of each caller that asks.
        own: What each of them has of its own, by kind.
    """

    ask: httpx.AsyncClient
    operators: Mapping[str, Mapping[str, str]]
    places: dict[str, Place] = field(default_factory=dict)
    things: dict[str, dict[str, Thing]] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)
    headers: dict[Who, Mapping[str, str]] = field(default_factory=dict)
    own: dict[Who, dict[str, Thing]] = field(default_factory=dict)

    async def done(self, as_who: Mapping[str, str], method: str, path: str, **more: Any) -> httpx.Response:
        """Sends what has to be done."""
        headers = {**as_who, **more.pop("headers", {})}
        answer = await self.ask.request(method, path, headers=headers, **more)
        assert answer.is_success, (method, path, answer.text)
        sent = more.get("json", more.get("content"))
        if sent is not None:
            # by the address, and by the id in it where a list takes it
            ids = [str(value) for name, value in sent.items() if name.endswith("_id")][:1] if isinstance(sent, dict) else []
            self.bodies[" ".join([method, path, *(ids if method == "POST" else ())])] = sent
        return answer

    def hide(self, text: str, seen_by: str, thing: Thing, roles: frozenset[str]) -> str:
        """Notes a secret and returns it."""
        self.secrets[text] = Secret(text, seen_by, thing, roles)
        return text

    def add(self, label: str, thing: Thing) -> Thing:
        """Notes an object."""
        self.things.setdefault(thing.kind, {})[label] = thing
        return thing

    async def job_ended(self, as_who: Mapping[str, str], job_id: str) -> None:
        """Waits until a job has ended."""
        async with asyncio.timeout(60):
            async with self.ask.stream("GET", f"/v1/jobs/{job_id}/events", headers=as_who) as events:
                told = "".join([text async for text in events.aiter_text()])
        assert '"succeeded"' in told, told


PARKS = (
    ("near", "ours", REGION, ("mill", "kiln")),
    ("next", "ours", REGION, ("mine",)),
    ("far", "ours", "350100", ("mill",)),
    ("theirs", "theirs", REGION, ("mill",)),
)
"""The callers' park, one beside it, one in another region, and one of another tenant."""


async def build(world: World, tenants: Mapping[str, str]) -> None:
    """Makes everything.

    Args:
        world: Empty.
        tenants: The ids of the tenants by "ours" and "theirs".
    """
    for name, tenant, region, enterprises in PARKS:
        await _park(world, Place(name, region, tenants[tenant]), world.operators[tenant], enterprises)
    world.places["nowhere"] = nowhere = Place("nowhere", REGION, NOWHERE)
    for kind in ("inventory", "finding", "evaluation", "source", "park"):
        world.add("nowhere", Thing(kind, "nowhere", NOWHERE, nowhere))
    for tenant, headers in world.operators.items():
        await _of_the_tenant(world, tenant, tenants[tenant], headers)
    for kind in ("job", "webhook", "profile", "document", "caller", "system", "set_of_values"):
        world.add("nowhere", Thing(kind, "nowhere", NOWHERE, nowhere))
    world.add("nowhere", Thing("key", f"pck_{'z' * 16}", NOWHERE))
    ours, headers = tenants["ours"], world.operators["ours"]
    await _others(world, ours, headers)
    for made, (roles, bound) in enumerate(kinds_of_callers()):
        who = await _caller(world, f"who-{made}", ours, headers, sorted(roles), BOUND_TO[bound])
        await _own(world, who, webhook=made % 12 == 0)


async def _park(world: World, place: Place, headers: Mapping[str, str], enterprises: tuple[str, ...]) -> None:
    park, tenant = place.park, place.tenant
    world.places[park] = place
    itself = world.add(park, Thing("park", park, tenant, place))
    name = world.hide(mark("park", park), "park", itself, KNOWN)
    body = {"park_id": park, "name_zh": name, "name_en": name, "region_code": place.region, "factor_set_id": "wang-2024"}
    await world.done(headers, "POST", "/v1/parks", json=body)
    rows = []
    for enterprise in (*enterprises, ""):
        thing = Thing("source", f"{enterprise or 'common'}-{park}-power", tenant, place, enterprise)
        world.add(f"{park}/{enterprise}", thing)
        name = world.hide(mark("enterprise", park, enterprise), "part", thing, OWN_READERS)
        if enterprise:
            made = {"enterprise_id": enterprise, "name_zh": name, "name_en": name, "industry_code": "C3120"}
            await world.done(headers, "POST", f"/v1/parks/{park}/enterprises", json=made)
        source = world.hide(mark("source", park, enterprise), "part", thing, OWN_READERS)
        said: Body = {"source_id": thing.id, "name_zh": source, "name_en": source, "settlement_basis": "bill", "scope": 2}
        said |= {"item": "enterprise.purchased_energy", "carrier": "electricity"} | (
            {"enterprise_id": enterprise} if enterprise else {}
        )
        await world.done(headers, "POST", f"/v1/parks/{park}/sources", json=said)
        for year in (EARLIER, YEAR):
            record = world.hide(mark("record", park, enterprise, str(year)), "part", thing, OWN_READERS)
            quantity = world.hide(number("quantity", park, enterprise, str(year)), "part", thing, OWN_READERS)
            world.hide(quantity.replace(".", ""), "part", thing, OWN_READERS)
            period = {"period_start": f"{year}-01-01", "period_end": f"{year + 1}-01-01"}
            row = {"record_id": record, "source_id": thing.id, **period, "quantity": quantity, "unit": "MWh", "confirmed": True}
            rows.append(row)
            world.bodies[f"row {thing.id} {year}"] = row
    pushed = (await world.done(headers, "POST", f"/v1/parks/{park}/activity-records", json=rows)).json()
    assert pushed["accepted"] == len(rows), pushed
    await _sums(world, place, headers)
    figure = world.hide(number("figures", park), "whole", itself, PARK_READERS)
    await world.done(headers, "PUT", f"/v1/parks/{park}/annual-figures/{YEAR}", json={"gross_output_10k_cny": figure})
    await _inventories(world, place, headers)
    await _evaluations(world, place, headers)
    await _jobs(world, place, headers)


async def _sums(world: World, place: Place, headers: Mapping[str, str]) -> None:
    """Hides what follows from the records: emissions of each, and of the park."""
    records = (await world.done(headers, "GET", f"/v1/parks/{place.park}/activity-records")).json()["records"]
    sources = {thing.id: thing for thing in world.things["source"].values() if thing.place == place}
    for record in records:
        emissions = str(record["emissions_t_co2e"])
        world.hide(emissions, "part", sources[record["source_id"]], OWN_READERS)
        world.hide(f"{Decimal(emissions) * 10**9:f}".split(".")[0], "part", sources[record["source_id"]], OWN_READERS)
    itself = world.things["park"][place.park]
    for years in ((EARLIER, YEAR), (YEAR, YEAR + 1), (EARLIER, YEAR + 1)):
        query = {"from": str(years[0]), "to": str(years[1])}
        total = (await world.done(headers, "GET", f"/v1/parks/{place.park}/emissions", params=query)).json()["total"]
        world.hide(str(total["emissions_t_co2e"]), "whole", itself, PARK_READERS)


async def _inventories(world: World, place: Place, headers: Mapping[str, str]) -> None:
    """Closes two years: one has a finding and stays published, what was published of the other is taken back."""
    park = place.park
    for year in (EARLIER, YEAR):
        address = f"/v1/parks/{park}/inventories"
        found = (await world.done(headers, "POST", address, json={"year": year})).json()["inventory_id"]
        await world.done(headers, "POST", f"{address}/{found}:publish", json={"breakdowns": ["scope"]})
        world.add(f"{park}/{year}", Thing("inventory", found, place.tenant, place))
    inventory = world.things["inventory"][f"{park}/{YEAR}"]
    world.things["inventory"][park] = inventory
    finding = world.add(park, Thing("finding", f"finding-{park}", place.tenant, place))
    text = world.hide(mark("finding", park), "whole", finding, PARK_READERS)
    said = {"finding_id": finding.id, "kind": "observation", "material": False, "text": text}
    about = f"/v1/parks/{park}/inventories/{inventory.id}/findings"
    await world.done(headers, "POST", about, json=said)
    answered = {"text": world.hide(mark("answer", park), "whole", finding, PARK_READERS)}
    await world.done(headers, "POST", f"{about}/{finding.id}:answer", json=answered)
    closed = {"conclusion": "resolved", "text": world.hide(mark("closing", park), "whole", finding, PARK_READERS)}
    await world.done(headers, "POST", f"{about}/{finding.id}:close", json=closed)
    reason = {"reason": world.hide(mark("withdrawal", park), "whole", finding, PARK_READERS)}
    await world.done(headers, "POST", f"/v1/parks/{park}/inventories/{EARLIER}-v1:withdraw", json=reason)


async def _evaluations(world: World, place: Place, headers: Mapping[str, str]) -> None:
    park = place.park
    itself = world.things["park"][park]
    evidence = world.hide(mark("evidence", park), "whole", itself, PARK_READERS)
    value = {"indicator_id": "53", "unit": "%", "value": "71.5", "year": str(YEAR), "evidence": evidence}
    values = {"system_id": "guide-2021", "values": [value]}
    await world.done(headers, "POST", f"/v1/parks/{park}/indicator-values", json=values)
    for number_of in (1, 2):
        body = {"system_id": "guide-2021", "year": YEAR}
        found = (await world.done(headers, "POST", f"/v1/parks/{park}/evaluations", json=body)).json()["evaluation_id"]
        world.hide(found, "whole", itself, PARK_READERS)
        world.add(park if number_of == 1 else f"{park}/later", Thing("evaluation", found, place.tenant, place))


async def _jobs(world: World, place: Place, headers: Mapping[str, str]) -> None:
    """A job of each service, of the operator: a push of what was pushed before, and a rebuild."""
    who = (await world.done(headers, "GET", "/v1/caller")).json()["caller_id"]
    for source in [thing for thing in world.things["source"].values() if thing.place == place]:
        await _pushed(world, headers, f"push {place.park}/{source.enterprise}", who, source)
    rebuild = (await world.done(headers, "POST", f"/v1/parks/{place.park}/sums:rebuild")).json()["job_id"]
    await world.job_ended(headers, rebuild)
    world.add(f"rebuild {place.park}", Thing("job", rebuild, place.tenant, place, owner=who, of_service=True))


async def _pushed(world: World, headers: Mapping[str, str], label: str, who: str, source: Thing) -> Thing:
    assert source.place is not None
    path = f"/v1/parks/{source.place.park}/activity-records"
    row, later = world.bodies[f"row {source.id} {YEAR}"], {"Prefer": "respond-async"}
    job = (await world.done(headers, "POST", path, json=[row], headers=later)).json()["job_id"]
    await world.job_ended(headers, job)
    return world.add(label, Thing("job", job, source.tenant, source.place, source.enterprise, owner=who))


async def _of_the_tenant(world: World, label: str, tenant: str, headers: Mapping[str, str]) -> None:
    """What has no park: of a tenant's management, and so the tenant's."""
    caller = world.add(f"{label} reader", Thing("caller", f"{label}-reader", tenant))
    name = world.hide(mark("caller", label), "operator", caller, OPERATOR)
    await world.done(headers, "PUT", f"/v1/callers/{caller.id}", json={"name": name, "roles": ["reader"]})
    await _key(world, f"{label} reader", caller.id, tenant, headers)
    await _profile(world, f"{label} tenant", "", tenant, headers)
    await _document(world, f"{label} tenant", "", tenant, headers)
    if label == "theirs":
        await _profile(world, "theirs taken", "", tenant, headers)
        await _document(world, "theirs taken", "", tenant, headers)
    who = (await world.done(headers, "GET", "/v1/caller")).json()["caller_id"]
    await _webhook(world, f"{label} operator", who, tenant, headers)
    system = world.add(label, Thing("system", f"{label}-system", tenant))
    named = world.hide(mark("system", label), "tenant", system, KNOWN)
    node = {"node_id": "a", "name_zh": named, "name_en": named, "weight": "1", "kind": "share", "unit": "%", "direction": "+"}
    body = {"system_id": system.id, "name_zh": "系", "name_en": "s", "source": "made up", "nodes": [node]}
    await world.done(headers, "POST", "/v1/indicator-systems", json=body)
    threshold = {"node_id": "a", "minimum": "0.05", "maximum": "0.8", "source": "p"}
    address = f"/v1/indicator-systems/{system.id}"
    for kind, key, more in (
        ("threshold-sets", "threshold_set_id", {"origin": "park", "rows": [threshold]}),
        ("weight-sets", "weight_set_id", {"method": "ahp", "weights": [{"node_id": "a", "weight": "1"}]}),
    ):
        values = world.add(f"{label} {kind}", Thing("set_of_values", f"{label}-{kind}", tenant))
        source = world.hide(mark(kind, label), "tenant", values, KNOWN)
        await world.done(headers, "POST", f"{address}/{kind}", json={key: values.id, "source": source, **more})
    await world.done(headers, "POST", "/v1/region-releases", json={"year": YEAR})


async def _caller(
    world: World, subject: str, tenant: str, operator: Mapping[str, str], roles: list[str], bounds: Mapping[str, list[str]]
) -> Who:
    """Registers a caller with a key."""
    thing = world.add(subject, Thing("caller", subject, tenant, owner=subject))
    name = world.hide(mark("caller", subject), "operator", thing, OPERATOR)
    await world.done(operator, "PUT", f"/v1/callers/{subject}", json={"name": name, "roles": roles, **bounds})
    made = (await world.done(operator, "POST", "/v1/api-keys", json={"caller_id": subject, "name": "in"})).json()
    bound = {each: frozenset(ids) for each, ids in bounds.items()}
    who = Who(subject, tenant, frozenset(roles), bound.get("parks"), bound.get("regions"), bound.get("enterprises"))
    world.headers[who] = {"X-Api-Key": made["api_key"]}
    return who


async def _others(world: World, ours: str, operator: Mapping[str, str]) -> None:
    """Other callers of the tenant, each with what is its own: they ask for nothing."""
    for subject, roles, bounds in (
        ("mill-2", ["enterprise"], {"enterprises": ["near/mill"]}),
        ("kiln", ["enterprise"], {"enterprises": ["near/kiln"]}),
        ("near-2", ["park_manager"], {"parks": ["near"]}),
        ("far", ["park_manager"], {"parks": ["far"]}),
    ):
        who = await _caller(world, subject, ours, operator, roles, bounds)
        headers = world.headers.pop(who)
        await _profile(world, subject, subject, ours, headers)
        place = world.places["far" if subject == "far" else "near"]
        source = world.things["source"][f"{place.park}/{'kiln' if subject == 'kiln' else 'mill'}"]
        await _pushed(world, headers, subject, subject, source)
        await _key(world, subject, subject, ours, operator)
        if "park_manager" in roles:
            await _document(world, subject, subject, ours, headers)
            await _webhook(world, subject, subject, ours, headers)


async def _own(world: World, who: Who, *, webhook: bool) -> None:
    """Gives a caller that asks what is its own of each kind that it may have."""
    headers, operator, own = world.headers[who], world.operators["ours"], world.own.setdefault(who, {})
    near, label, tenant = world.places["near"], who.id, who.tenant
    if who.roles & RECORDERS:
        owner = who.id if who.is_bound else ""
        own["profile"] = await _profile(world, label, owner, tenant, headers)
        if who.reaches(near):
            own["job"] = await _pushed(world, headers, label, who.id, world.things["source"]["near/mill"])
    if who.roles & MANAGERS:
        own["document"] = await _document(world, label, who.id if who.is_bound else "", tenant, headers)
    if who.roles & FOLLOWERS and webhook and who.enterprises is None:
        own["webhook"] = await _webhook(world, label, who.id, tenant, headers)
    if who.roles & OWN_READERS:
        own["key"] = await _key(world, label, who.id, tenant, operator)


async def _key(world: World, label: str, subject: str, tenant: str, headers: Mapping[str, str]) -> Thing:
    name = mark("key", label)
    made = (await world.done(headers, "POST", "/v1/api-keys", json={"caller_id": subject, "name": name})).json()
    key = world.add(label, Thing("key", made["key_id"], tenant, owner=subject))
    for text in (name, made["key_id"].removeprefix("pck_"), made["secret"]):
        world.hide(text, "owner", key, OWN_READERS)
    return key


async def _profile(world: World, label: str, owner: str, tenant: str, headers: Mapping[str, str]) -> Thing:
    profile = world.add(label, Thing("profile", f"profile-{label.replace(' ', '-')}", tenant, owner=owner))
    body = {"units": {world.hide(mark("profile", label), "owner", profile, RECORDERS): "MWh"}}
    await world.done(headers, "PUT", f"/v1/mapping-profiles/{profile.id}", json=body)
    return profile


async def _document(world: World, label: str, owner: str, tenant: str, headers: Mapping[str, str]) -> Thing:
    document = world.add(label, Thing("document", f"document-{label.replace(' ', '-')}", tenant, owner=owner))
    title = world.hide(mark("title", label), "tenant", document, KNOWN)
    body = {"kind": "news", "title": title, "issuing_body": "b", "issued_date": "2026-01-01"}
    await world.done(headers, "PUT", f"/v1/documents/{document.id}", json=body)
    content, plain = world.hide(mark("content", label), "tenant", document, KNOWN), {"Content-Type": "text/plain"}
    address = f"/v1/documents/{document.id}/file"
    await world.done(headers, "PUT", address, content=content, headers=plain)
    return document


async def _webhook(world: World, label: str, subject: str, tenant: str, headers: Mapping[str, str]) -> Thing:
    path = mark("webhook", label)
    made = (await world.done(headers, "POST", "/v1/webhooks", json={"url": f"https://region.example/{path}"})).json()
    webhook = world.add(label, Thing("webhook", made["webhook_id"], tenant, owner=subject))
    world.hide(path, "owner", webhook, FOLLOWERS)
    return webhook
