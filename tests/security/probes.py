"""Requests made of caller × operation × object: each says what it names, and so how it has to end."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from tests.security.oracle import NOWHERE, Place, Thing, Verdict, Who, verdict
from tests.security.rules import OPEN, OPERATOR, OWNERS, RULES, SIGNED_IN
from tests.security.world import CITY, EARLIER, REGION, YEAR, Body, World, mark

PARAMETER = re.compile(r"\{(\w+)\}")
NEVER: frozenset[int] = frozenset()
RECORDS = "POST /v1/parks/{park}/activity-records"
COMPARISON = "GET /v1/parks/{park}/evaluations/{evaluation}/comparison"
COSTLY = frozenset(
    {
        "GET /v1/parks/{park}/evaluations/{evaluation}/report.pdf",
        "GET /v1/parks/{park}/indicator-values.xlsx",
        "GET /v1/regions/{code}/rankings",
        "GET /v1/templates/activity-records.xlsx",
        "POST /v1/evaluations:calculate",
        "POST /v1/parks/{park}/evaluations",
        "POST /v1/parks/{park}/evaluations/{evaluation}:plan",
        "POST /v1/parks/{park}/sums:rebuild",
        "POST /v1/weights:compare-judgements",
        "POST /v1/weights:summarise-rounds",
    }
)
"""What takes tens of milliseconds and more where it is allowed: of those requests some are sent, of the refused ones all."""

LAST = ("POST /v1/api-keys/{key}:rotate", "DELETE /v1/api-keys/{key}", "DELETE /v1/webhooks/{webhook}")
"""Operations after which an object is not what it was: asked after all others, in this order."""

ALSO_DONE: Mapping[str, frozenset[int]] = {
    # no combination of steps reaches the target
    "POST /v1/parks/{park}/evaluations/{evaluation}:plan": frozenset({409, 422}),
    # the caller or the tenant has as many as it may
    "POST /v1/webhooks": frozenset({409}),
    # of fewer than two parks nothing is ranked
    "GET /v1/regions/{code}/rankings": frozenset({422}),
    # made up in the example of the API, where a second caller has that login
    "PUT /v1/callers/{caller}/login": frozenset({409}),
    # a job that is none of a push has no results
    "GET /v1/jobs/{job}/results": frozenset({404}),
}
"""Refusals that have nothing to do with who asks."""

REQUIRED = {"system": "guide-2021", "year": str(YEAR), "from": str(EARLIER), "to": str(YEAR + 1)}


@dataclass(frozen=True, slots=True)
class Aim:
    """What an operation is asked about.

    Attributes:
        label: Names it among those of the operation.
        path: Values of the parameters of the path.
        things: What is named, by parameter or member, as the rule needs it.
        place: The park of the address, if it has one.
        query: Beside what the operation needs.
        headers: Beside the credential.
        json: The body; None for that by which the object was made, so that it changes nothing.
        refused: The statuses of a refusal because of `things`, where they are others than the rule's.
        accepted: Further statuses where it is allowed.
        outcomes: Of the rows of a push: what has to become of each, by record id.
    """

    label: str
    path: Mapping[str, str] = field(default_factory=dict)
    things: Mapping[str, Thing] = field(default_factory=dict)
    place: Place | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    refused: frozenset[int] = NEVER
    accepted: frozenset[int] = NEVER
    outcomes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Probe:
    """A request of a caller, and how it has to end."""

    name: str
    who: Who
    aim: Aim
    verdict: Verdict
    path: str
    more: Mapping[str, Any]

    def __str__(self) -> str:
        bounds = (self.who.parks, self.who.regions, self.who.enterprises)
        bound = " ".join("-" if each is None else ",".join(sorted(each)) for each in bounds)
        return f"{self.name} [{self.aim.label}] by {'+'.join(sorted(self.who.roles))} ({bound})"


class Probes:
    """Makes the requests of each caller.

    Attributes:
        tokens: Page tokens that the operator was given, by operation.
        etags: Entity tags of the answers to the operator, by operation.
        cursor: Of the feed, in the midst of it.
    """

    def __init__(self, world: World, document: Mapping[str, Any]) -> None:
        """Stores what they are made from."""
        self._world = world
        self._schemas = document["components"]["schemas"]
        self._operations = {
            f"{method.upper()} {path}": operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        self.tokens: dict[str, str] = {}
        self.etags: dict[str, str] = {}
        self.cursor = "0"

    def of(self, who: Who) -> Iterator[Probe]:
        """Yields the requests of a caller: every operation about every object of every kind that it names."""
        for name, rule in RULES.items():
            if rule.roles not in (OPEN, SIGNED_IN):
                for aim in chain(self._plain(name, who), self._special(name, who), self._lists(name)):
                    yield self._probe(name, who, aim)

    def _probe(self, name: str, who: Who, aim: Aim) -> Probe:
        found = verdict(name, who, aim.things, aim.place)
        if found.allowed is not False:
            found = replace(found, statuses=found.statuses | aim.accepted | ALSO_DONE.get(name, NEVER))
        elif aim.refused and not who.roles.isdisjoint(RULES[name].roles):
            found = replace(found, statuses=found.statuses | aim.refused)
        more = self._sent(name, who, aim)
        query = {**self._required(name, aim), **aim.query}
        headers = {**more.pop("headers", {}), **aim.headers}
        if name.startswith("POST ") and (aim.place is None or aim.place.park == "near"):
            # the same key for the same request whoever sends it: what was answered to others under it is theirs
            headers["Idempotency-Key"] = mark("key", name, aim.label)
        path = PARAMETER.sub(lambda found: aim.path[found[1]], name.split(" ", 1)[1])
        return Probe(name, who, aim, found, path, {**more, "params": query, "headers": headers})

    def _required(self, name: str, aim: Aim) -> dict[str, str]:
        needed = [
            each["name"]
            for each in self._operations[name].get("parameters", ())
            if each["in"] == "query" and each.get("required") and each["name"] not in aim.query
        ]
        query = {each: REQUIRED.get(each) or aim.path["evaluation"] for each in needed}
        return {**query, "draws": "2"} if name.endswith("/rankings") else query

    def _plain(self, name: str, who: Who) -> Iterator[Aim]:
        """Yields each object of each kind that the path of an operation names."""
        named = PARAMETER.findall(name)
        fixed = {each: value for each, value in (("year", str(YEAR)), ("set", "wang-2024"), ("code", CITY)) if each in named}
        inside = [each for each in named if each != "park" and each not in fixed]
        if name in ("POST /v1/parks", "PUT /v1/callers/{caller}"):
            return
        if "park" in named:
            yield from self._in_parks(name, inside, fixed)
        elif inside:
            for label, thing in self._each(inside[0], who, name):
                free = label.endswith("taken")
                # for the first of the caller's own tenant who takes it
                accepted = frozenset({404, 409}) if free else NEVER
                yield Aim(label, {inside[0]: thing.id}, {} if free else {inside[0]: thing}, accepted=accepted)
        else:
            yield Aim("it", fixed)

    def _in_parks(self, name: str, inside: list[str], fixed: Mapping[str, str]) -> Iterator[Aim]:
        world = self._world

        def its(kind: str, park: str) -> Thing:
            if kind == "inventory" and name.endswith(":withdraw") and park != "nowhere":
                return world.things[kind][f"{park}/{EARLIER}"]
            return self._source(park) if kind == "source" else world.things[kind][park]

        for park, place in world.places.items():
            things = {"park": world.things["park"][park], **{kind: its(kind, park) for kind in inside}}
            yield Aim(park, {**fixed, **{kind: thing.id for kind, thing in things.items()}}, things, place)
        near = world.places["near"]
        known = {thing.id for kind in inside for thing in world.things[kind].values() if thing.place == near}
        for kind in inside:
            for label, thing in world.things[kind].items():
                if (thing.place == near and kind != "source") or (thing.place != near and thing.id in known):
                    continue
                things = {"park": world.things["park"]["near"], **{each: its(each, "near") for each in inside}, kind: thing}
                yield Aim(f"near, {kind} {label}", {**fixed, **{each: found.id for each, found in things.items()}}, things, near)

    def _source(self, park: str) -> Thing:
        """Returns the source of the first enterprise of a park."""
        sources = [thing for thing in self._world.things["source"].values() if thing.place and thing.place.park == park]
        return next(thing for thing in sources if thing.enterprise or park == "nowhere")

    def _each(self, kind: str, who: Who, name: str) -> Iterator[tuple[str, Thing]]:
        """Yields the objects of a kind: the caller's own, others', the tenant's, another tenant's, and what there is not."""
        own = self._world.own.get(who, {}).get(kind)
        if own is not None:
            yield "own", own
        asking = {each.id for each in self._world.headers}
        saved = name.startswith("PUT ") and kind in OWNERS
        for label, thing in self._world.things[kind].items():
            gone = name in LAST and thing.tenant == who.tenant and not who.roles.isdisjoint(OPERATOR)
            # what is saved under another tenant's name is asked for by that name afterwards
            another = label.endswith("taken") if thing.tenant != who.tenant else saved
            if label not in asking and not gone and another == saved:
                yield label, thing

    def _sent(self, name: str, who: Who, aim: Aim) -> dict[str, Any]:
        """Returns the body of a request, as its keywords."""
        content = self._operations[name].get("requestBody", {}).get("content")
        if aim.json is not None or content is None:
            return {} if content is None else {"json": aim.json}
        world = self._world
        park = aim.place.park if aim.place and aim.place.park != "nowhere" else "near"
        source = self._source(park)
        evaluating = {"system_id": "guide-2021", "year": YEAR}
        bodies: dict[str, Any] = {
            RECORDS: [world.bodies[f"row {source.id} {YEAR}"]],
            "POST /v1/api-keys": {"name": "one more"},
            "POST /v1/indicator-systems": world.bodies["POST /v1/indicator-systems ours-system"],
            "POST /v1/indicator-systems/{system}/threshold-sets": self._set("threshold"),
            "POST /v1/indicator-systems/{system}/weight-sets": self._set("weight"),
            "POST /v1/parks/{park}/enterprises": world.bodies[f"POST /v1/parks/{park}/enterprises {source.enterprise}"],
            "POST /v1/parks/{park}/evaluations": evaluating,
            "POST /v1/parks/{park}/indicator-values": world.bodies[f"POST /v1/parks/{park}/indicator-values guide-2021"],
            "POST /v1/parks/{park}/inventories": {"year": YEAR},
            "POST /v1/parks/{park}/sources": world.bodies[f"POST /v1/parks/{park}/sources {source.id}"],
            "POST /v1/region-releases": {"year": YEAR},
            "POST /v1/webhooks": {"url": f"https://region.example/{who.id}"},
            "PUT /v1/callers/{caller}/login": {"login": f"{aim.path.get('caller')}@example.com"},
        }
        if name in bodies:
            return {"json": bodies[name]}
        path = {**aim.path, "park": park, "inventory": f"{YEAR}-v1", "finding": f"finding-{park}"}
        path |= {"inventory": f"{EARLIER}-v1"} if name.endswith(":withdraw") else {}
        if not aim.things:
            # a free name: what is stored under it elsewhere stays there
            path = dict.fromkeys(path, "nowhere")
        made = PARAMETER.sub(lambda found: path[found[1]], name)
        sent = world.bodies.get(made + (f" finding-{park}" if name.endswith("/findings") else ""))
        if isinstance(sent, str) or name.endswith("/file"):
            return {"content": sent or "zq", "headers": {"Content-Type": "text/plain"}}
        return {"json": sent if sent is not None else self._example(next(iter(content.values()))["schema"])}

    def _set(self, kind: str) -> Body:
        found: Body = self._world.bodies[f"POST /v1/indicator-systems/ours-system/{kind}-sets ours-{kind}-sets"]
        return found

    def _example(self, schema: Mapping[str, Any]) -> Any:
        return self._schemas[schema["$ref"].rpartition("/")[2]]["examples"][0]

    def _lists(self, name: str) -> Iterator[Aim]:
        """Yields what others were given to go on with, and the other forms of an answer."""
        fixed = {"park": "near", "set": "wang-2024", "code": CITY, "inventory": f"{YEAR}-v1", "source": self._source("near").id}
        path = {each: fixed[each] for each in PARAMETER.findall(name) if each in fixed}
        if not name.startswith("GET ") or len(path) < len(PARAMETER.findall(name)):
            return
        world = self._world
        near = world.places["near"] if "park" in path else None
        things = {"park": world.things["park"]["near"]} if near else {}
        if "source" in path:
            things["source"] = self._source("near")
        taken = {each["name"] for each in self._operations[name].get("parameters", ())}
        if name in self.tokens:
            yield Aim("page of the operator", path, things, near, {"page_size": "1", "page_token": self.tokens[name]})
            yield Aim("page of one", path, things, near, {"page_size": "1"})
        if "text/csv" in self._operations[name]["responses"]["200"]["content"]:
            yield Aim("as CSV", path, things, near, headers={"Accept": "text/csv"})
            yield Aim("in Chinese", path, things, near, headers={"Accept-Language": "zh"})
        if name in self.etags and "If-None-Match" in taken:
            etag = {"If-None-Match": self.etags[name]}
            yield Aim("etag of the operator", path, things, near, headers=etag, accepted=frozenset({304}))

    def _special(self, name: str, who: Who) -> Iterator[Aim]:
        """Yields what queries and bodies name."""
        world = self._world
        near, park = world.places["near"], {"park": world.things["park"]["near"]}
        inside = {"park": "near", "inventory": f"{YEAR}-v1", "finding": "finding-near"}
        if name == "POST /v1/parks":
            yield from self._parks(who)
        elif name == RECORDS:
            yield from self._rows(who)
            for label, thing in self._each("profile", who, name):
                yield Aim(f"profile {label}", inside, {**park, "profile": thing}, near, {"profile": thing.id})
        elif name == "GET /v1/parks/{park}/emissions":
            for groups in ("enterprise", "source,year", "month,scope,item,carrier", "sector,gas"):
                yield Aim(f"by {groups}", inside, park, near, {"group_by": groups})
                yield Aim(f"by {groups} as CSV", inside, park, near, {"group_by": groups}, {"Accept": "text/csv"})
        elif name in (
            "GET /v1/regions/{code}/parks",
            "GET /v1/published/regions/{code}/emissions",
            "GET /v1/regions/{code}/rankings",
        ):
            for code in ("35", "36", "350100", REGION):
                yield Aim(f"region {code}", {"code": code})
        elif name == "PUT /v1/callers/{caller}":
            yield Aim("one more", {"caller": "one-more"}, json={"name": "one more", "roles": ["public"]})
        elif name == COMPARISON:
            for label, thing in world.things["evaluation"].items():
                things = {**park, "evaluation": world.things["evaluation"]["near"], "before": thing}
                path = {"park": "near", "evaluation": things["evaluation"].id}
                yield Aim(f"before {label}", path, things, near, {"before": thing.id})
        elif name == "GET /v1/changes":
            for label, query in (("all", {"limit": "1000"}), ("on", {"since": self.cursor}), ("newest", {"since": "newest"})):
                yield Aim(label, query=query)
        elif name == "GET /v1/documents":
            for label in world.things["document"]:
                if label in ("far", "theirs tenant"):
                    yield Aim(f"query {label}", query={"query": mark("title", label)})
        elif name == "POST /v1/parks/{park}/evaluations":
            yield from self._evaluated(inside, park, near)
        elif name == "POST /v1/indicator-systems/{system}/threshold-sets":
            for label in ("near", "next", "far", "theirs", "nowhere"):
                peers = {"park": world.things["park"]["near"], "peer": world.things["park"][label]}
                body = {"threshold_set_id": f"peers-{label}-{who.id}", "origin": "peers", "source": "s", "peer_year": YEAR}
                body["peer_park_ids"] = ["near", label]
                # of fewer than two parks nothing is told apart; whether both are seen as a whole is asked before
                unseen = Thing("inventory", label, NOWHERE)
                things = {} if all(thing.place and who.sees_whole(thing.place) for thing in peers.values()) else {"peers": unseen}
                yield Aim(f"peers {label}", {"system": "guide-2021"}, things, json=body, accepted=frozenset({422}))
        elif name == "GET /v1/jobs/{job}/results":
            for label, thing in self._each("job", who, name):
                yield Aim(f"lines of {label}", {"job": thing.id}, {"job": thing}, query={"format": "ndjson"})
        elif name == "POST /v1/evaluations:calculate":
            for label, thing in world.things["system"].items():
                body = {"system_id": thing.id, "year": YEAR, "values": [{"indicator_id": "a", "value": "50", "year": str(YEAR)}]}
                yield Aim(f"system {label}", things={"system": thing}, json=body)
        elif name in ("GET /v1/api-keys", "GET /v1/audit"):
            for label, thing in world.things["caller"].items():
                if label in ("far", "ours reader", "theirs reader"):
                    # of a caller that there is not, a list is empty
                    refused = frozenset({403, 200} if name.endswith("keys") and label.startswith("theirs") else {403})
                    named = {"caller": thing} if name.endswith("keys") else {}
                    yield Aim(f"caller {label}", things=named, query={"caller": thing.id}, refused=refused)
        elif name == "POST /v1/api-keys":
            for label in ("far", "ours reader", "theirs reader"):
                thing = world.things["caller"][label]
                body = {"caller_id": thing.id, "name": "one more"}
                yield Aim(f"caller {label}", things={"caller_id": thing}, json=body, refused=frozenset({403}))
        elif name == "POST /v1/parks/{park}/inventories/{inventory}/findings":
            told = {"finding_id": f"f-{who.id}", "kind": "observation", "material": False, "text": "t"}
            for label, member, found in (
                ("enterprise next", "enterprise_id", "mine"),
                ("record next", "record_id", mark("record", "next", "mine", str(YEAR))),
                ("record theirs", "record_id", mark("record", "theirs", "mill", str(YEAR))),
            ):
                things = {**park, "inventory": world.things["inventory"]["near"]}
                yield Aim(label, inside, things, near, json={**told, member: found}, accepted=frozenset({422}))
        elif name == "GET /v1/parks/{park}/indicator-values":
            for label, thing in world.things["system"].items():
                yield Aim(f"system {label}", inside, {**park, "system": thing}, near, {"system": thing.id})

    def _evaluated(self, path: Mapping[str, str], park: Mapping[str, Thing], near: Place) -> Iterator[Aim]:
        world = self._world
        for label in ("ours", "theirs"):
            for kind, member in (("threshold-sets", "threshold_set_ids"), ("weight-sets", "weight_set_id")):
                values = world.things["set_of_values"][f"{label} {kind}"]
                named = [values.id] if member.endswith("s") else values.id
                body = {"system_id": "ours-system", "year": YEAR, member: named}
                yield Aim(f"{label} {kind}", path, {**park, member: values}, near, json=body)
            system = world.things["system"][label]
            yield Aim(f"system {label}", path, {**park, "system_id": system}, near, json={"system_id": system.id, "year": YEAR})

    def _parks(self, who: Who) -> Iterator[Aim]:
        """Yields parks as they are registered, and claims to each of their ids by whom it is not."""
        taken = frozenset({409, 422, 403})
        for label, place in self._world.places.items():
            if label == "nowhere":
                continue
            body = self._world.bodies[f"POST /v1/parks {label}"]
            named = {"park_id": self._world.things["park"][label]}
            unseen = place.tenant != who.tenant or not who.sees_whole(place)
            things = {**named, "whole": Thing("inventory", "", NOWHERE if unseen else place.tenant, place)}
            yield Aim(f"again {label}", things=things, json=body, refused=taken)
            for region in ("350100", REGION):
                claim = {**body, "name_zh": "claimed", "name_en": "claimed", "region_code": region}
                never = {**named, "other": Thing("park", label, NOWHERE, place)}
                yield Aim(f"claim {label} in {region}", things=never, json=claim, refused=taken)

    def _rows(self, who: Who) -> Iterator[Aim]:
        """Yields rows that name sources and records of the caller's own enterprise and of others."""
        world, near = self._world, self._world.places["near"]
        whole = who.sees_whole(near)
        row, of_kiln = (world.bodies[f"row {source}-near-power {YEAR}"] for source in ("mill", "kiln"))
        of_next = world.bodies[f"row mine-next-power {YEAR}"]
        other = {"period_start": "2020-01-01", "period_end": "2020-02-01"}
        rows: list[tuple[Body, str]] = [
            (row, "duplicate"),
            (of_kiln, "duplicate" if whole else "SOURCE_UNKNOWN"),
            ({**of_kiln, "record_id": "new-of-kiln"}, "PERIOD_OVERLAPS" if whole else "SOURCE_UNKNOWN"),
            ({**of_next, "record_id": "new-of-next"}, "SOURCE_UNKNOWN"),
        ]
        if not whole:
            rows += [
                ({**row, **other, "record_id": of_kiln["record_id"]}, "RECORD_ID_TAKEN"),
                ({**row, **other, "record_id": "new-of-mill", "supersedes": of_kiln["record_id"]}, "SUPERSEDES_UNKNOWN"),
                ({**row, **other, "record_id": "new-of-mill-2", "supersedes": of_next["record_id"]}, "SUPERSEDES_UNKNOWN"),
            ]
        for number, (each, outcome) in enumerate(rows):
            things = {"park": world.things["park"]["near"]}
            yield Aim(f"row {number}", {"park": "near"}, things, near, json=[each], outcomes={each["record_id"]: outcome})
