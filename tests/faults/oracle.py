"""The second implementation: what the account must say, from the intent log alone, in plain fractions.

It shares no code with the platform. It reads what was sent and answered, follows the rules of docs/api.md row by row, and compares
with what the platform answers in the end. It knows the rules that the workload can break, and no others.

Source of the factors: Wang et al. 2024, DOI 10.16516/j.ceec.2023-311.
"""

from __future__ import annotations

import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from tests.faults import job_oracle
from tests.faults.intents import Entry
from tests.faults.own_files import OwnFiles
from tests.faults.verdict import Verdict

# t CO2 and t of standard coal per unit
T_CO2 = {
    "MWh": Fraction("0.581"),
    "10k Nm3": Fraction("389.31") * Fraction("15.3") / 1000 * Fraction("0.98") * Fraction(44, 12),
    "t": Fraction("43.07") * Fraction("19.6") / 1000 * Fraction("0.99") * Fraction(44, 12),
}
TCE = {"MWh": Fraction("0.1229"), "10k Nm3": Fraction("13.3"), "t": Fraction("1.47")}
MG_PER_T = 10**9
_PLAIN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_CONTENT = ("source_id", "period_start", "period_end", "quantity", "unit", "supersedes")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARK_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Expected:
    """A record that the account must have.

    Attributes:
        row: As it was sent.
        emissions_mg: Rounded once, half to even.
        energy_mg: The same.
        superseded_by: "" while it is in force.
    """

    row: Mapping[str, str]
    emissions_mg: int
    energy_mg: int
    superseded_by: str = ""


@dataclass
class Account:
    """What one park's account must be.

    Attributes:
        sources: Those registered.
        records: By id.
        holders: Which record is in force for a source and a start.
        acknowledged: How often the platform said of an id that it now counts.
    """

    sources: frozenset[str]
    records: dict[str, Expected] = field(default_factory=dict)
    holders: dict[tuple[str, str], str] = field(default_factory=dict)
    acknowledged: Counter[str] = field(default_factory=Counter)

    def judge(self, row: Mapping[str, str]) -> tuple[str, str]:
        """Returns the outcome and the reason that a row must have if it comes next, and lets it count."""
        record_id, supersedes = row["record_id"], row.get("supersedes", "")
        if row["source_id"] not in self.sources:
            return "rejected", "SOURCE_UNKNOWN"
        if not _PLAIN.fullmatch(row["quantity"]):
            return "rejected", "QUANTITY_NOT_A_DECIMAL"
        if row["unit"] not in T_CO2:
            return "rejected", "UNIT_UNKNOWN"
        known = self.records.get(record_id)
        if known is not None:
            same = all(known.row.get(name, "") == row.get(name, "") for name in _CONTENT)
            return ("duplicate", "") if same else ("rejected", "RECORD_ID_CONFLICT")
        place = row["source_id"], row["period_start"]
        if self.holders.get(place, supersedes) != supersedes:
            return "rejected", "PERIOD_OVERLAPS"
        quantity = Fraction(row["quantity"])
        made = Expected(row, _milligrams(quantity * T_CO2[row["unit"]]), _milligrams(quantity * TCE[row["unit"]]))
        if supersedes:
            self.records[supersedes].superseded_by = record_id
        self.records[record_id] = made
        self.holders[place] = record_id
        return ("superseded" if supersedes else "accepted"), ""

    def in_force(self) -> Iterable[Expected]:
        """Yields the records that count."""
        return (record for record in self.records.values() if not record.superseded_by)


def _milligrams(tonnes: Fraction) -> int:
    # Python rounds fractions half to even
    return round(tonnes * MG_PER_T)


def expected_accounts(
    entries: Iterable[Entry], sources: Mapping[str, frozenset[str]], verdict: Verdict, *, repeated_inside: bool = False
) -> dict[str, Account]:
    """Returns the account of each park, and judges the answers on the way.

    A row must be answered as the rules say; when an earlier attempt of its batch may have been carried out, what then counts is
    answered as a duplicate, for all rows of the batch or for none.

    Args:
        entries: The intent log. A batch refers to rows only of batches that were done before it was logged.
        sources: The registered sources of each park.
        verdict: Takes counts and failures.
        repeated_inside: Whether answers between services may be lost, so that the gateway repeats calls whose rows are recorded.
    """
    accounts = {park: Account(registered) for park, registered in sources.items()}
    files = OwnFiles()
    batches: dict[tuple[str, str, int], _Batch] = {}
    for entry in entries:
        name = entry.get("park_id", ""), entry.get("lane", ""), entry.get("number", 0)
        match entry["kind"]:
            case "profile":
                verdict.counts["versions of profiles saved"] += 1
                if not files.save(entry):
                    verdict.fail("versions of profiles", f"{entry['profile_id']} was saved as version {entry['version']}")
            case "batch":
                account, rows = accounts[entry["park_id"]], files.rows(entry)
                batches[name] = _Batch(entry, rows, [account.judge(row) for row in rows], account)
                verdict.counts["rows sent"] += len(rows)
                verdict.counts["batches"] += 1
                verdict.counts["rows sent by a profile"] += len(rows) if entry.get("form", {}).get("profile_id") else 0
                for kind in entry["kinds"]:
                    verdict.counts[f"rows {kind}"] += 1
            case "unanswered":
                batches[name].attempts += 1
                verdict.counts["attempts without an answer"] += 1
            case "answer":
                batches[name].answers.append(entry["outcomes"])
                batches[name].attempts += 1
            case "job":
                batches[name].jobs.add(entry["job_id"])
                batches[name].attempts += 1
                verdict.counts["jobs accepted"] += 1
            case "job_ended":
                batch = batches[name]
                batch.jobs.discard(entry["job_id"])
                if outcomes := job_oracle.outcomes_of(entry, batch.rows, batch.entry["form"], verdict):
                    batch.answers.append(outcomes)
            case "job_open":
                verdict.counts["jobs followed in vain"] += 1
            case "refused":
                verdict.fail("refused requests", f"{entry['park_id']}/{entry['number']} got {entry['status']}: {entry['body']}")
            case "poison":
                verdict.counts["poison events sent"] += 1
    for each in batches.values():
        _close(each, verdict, repeated_inside)
    return accounts


@dataclass
class _Batch:
    """A batch and what became of it.

    Attributes:
        rows: Under the platform's own names.
        rules: Outcome and reason that each row must have.
        jobs: Those that were accepted and did not end.
    """

    entry: Entry
    rows: Sequence[Mapping[str, str]]
    rules: list[tuple[str, str]]
    account: Account
    attempts: int = 0
    answers: list[list[tuple[str, str]]] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)


def _close(batch: _Batch, verdict: Verdict, repeated_inside: bool) -> None:
    name = f"{batch.entry['park_id']}/{batch.entry.get('lane', '')}{batch.entry['number']}"
    later = bool(batch.entry.get("form", {}).get("later"))
    for job_id in batch.jobs:
        verdict.fail(job_oracle.WRONG_STATE, f"{name} {job_id}: never ended")
    if not batch.answers:
        verdict.fail("batches never answered", name)
        return
    verdict.counts["rows answered"] += len(batch.rules)
    if batch.attempts > 1:
        verdict.counts["batches sent more than once"] += 1
    applied = sum(_judge_answer(name, batch, answer, verdict) for answer in batch.answers)
    if applied > 1:
        verdict.fail("counted twice", f"{name} was acknowledged as new {applied} times")
    counts_anything = any(rule[0] in ("accepted", "superseded") for rule in batch.rules)
    if counts_anything and not applied and batch.attempts == len(batch.answers):
        if later:
            # its worker died between the account and the results, and the next found the rows recorded
            verdict.counts["jobs taken over after they had recorded"] += 1
        elif repeated_inside:
            verdict.counts["calls repeated after they had recorded"] += 1
        else:
            verdict.fail("wrong answers", f"{name}: every attempt was answered, and none as new")
    if batch.attempts > len(batch.answers):
        # an answer was lost: the repetition says whether the first had come through
        verdict.counts["ambiguous, had come through" if not applied else "ambiguous, had not come through"] += 1


def _judge_answer(name: str, batch: _Batch, answer: Sequence[tuple[str, str]], verdict: Verdict) -> bool:
    """Says whether an answer acknowledged the rows as new; they are so as a whole, as a batch is one transaction."""
    counted = []
    for row, rule, given in zip(batch.rows, batch.rules, answer, strict=True):
        outcome, reason = given
        if rule[0] in ("accepted", "superseded"):
            if outcome not in (rule[0], "duplicate"):
                verdict.fail("wrong answers", f"{name} {row['record_id']}: {outcome} {reason}, by the rules {rule[0]}")
            counted.append(outcome != "duplicate")
            if outcome != "duplicate":
                batch.account.acknowledged[row["record_id"]] += 1
        elif (outcome, reason) != rule:
            verdict.fail("wrong answers", f"{name} {row['record_id']}: {outcome} {reason}, by the rules {' '.join(rule)}")
    if counted and any(counted) != all(counted):
        verdict.fail("torn batches", f"{name}: {sum(counted)} of {len(counted)} rows counted")
    return any(counted)


def compare_records(park_id: str, account: Account, found: Sequence[Mapping[str, Any]], verdict: Verdict) -> None:
    """Compares the listed records of a park with those it must have: none lost, none twice, none made up, each as it was sent."""
    times = Counter(record["record_id"] for record in found)
    verdict.counts["records acknowledged"] += len(account.records)
    verdict.counts["records found"] += len(found)
    for record_id in account.records.keys() - times.keys():
        verdict.fail("lost", f"{park_id} has no {record_id}")
    for record_id, count in times.items():
        if record_id not in account.records:
            verdict.fail("made up", f"{park_id} has {record_id}, which was never accepted")
        elif count > 1:
            verdict.fail("counted twice", f"{park_id} has {record_id} {count} times")
    for record in found:
        expected = account.records.get(record["record_id"])
        if expected is not None and (difference := _difference(expected, record)):
            verdict.fail("other content", f"{park_id} {record['record_id']}: {difference}")


def _difference(expected: Expected, record: Mapping[str, Any]) -> str:
    row = expected.row
    pairs: list[tuple[str, object, object]] = [
        ("source", row["source_id"], record["source_id"]),
        ("start", datetime.fromisoformat(row["period_start"]), datetime.fromisoformat(record["period_start_time"])),
        ("end", datetime.fromisoformat(row["period_end"]), datetime.fromisoformat(record["period_end_time"])),
        ("quantity", Decimal(row["quantity"]), Decimal(record["quantity"])),
        ("unit", row["unit"], record["unit"]),
        ("emissions mg", expected.emissions_mg, Decimal(record["emissions_t_co2e"]) * MG_PER_T),
        ("energy mg", expected.energy_mg, Decimal(record["energy_tce"]) * MG_PER_T),
        ("supersedes", row.get("supersedes", ""), record.get("supersedes") or ""),
        ("superseded by", expected.superseded_by, record.get("superseded_by") or ""),
    ]
    return ", ".join(f"{name} {found!r} instead of {wanted!r}" for name, wanted, found in pairs if wanted != found)


Sums = dict[tuple[str, str], tuple[int, int, int]]
"""Milligrams of emissions and of standard coal, and records, by source and month (YYYY-MM)."""


def expected_sums(account: Account) -> Sums:
    """Returns the sums of the records in force."""
    sums: defaultdict[tuple[str, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for record in account.in_force():
        key = record.row["source_id"], record.row["period_start"][:7]
        emissions, energy, count = sums[key]
        sums[key] = emissions + record.emissions_mg, energy + record.energy_mg, count + 1
    return dict(sums)


def compare_totals(park_id: str, account: Account, answer: Mapping[str, Any], verdict: Verdict) -> None:
    """Compares the totals of a park, grouped by source and month, with the independent sum."""
    found: Sums = {(group["source"], group["month"]): _sum(group) for group in answer["groups"]}
    _compare_sums(f"totals of {park_id}", expected_sums(account), found, verdict)
    expected = expected_sums(account)
    total = tuple(sum(part) for part in zip(*expected.values(), strict=True)) if expected else (0, 0, 0)
    if _sum(answer["total"]) != total:
        verdict.fail("totals differ", f"total of {park_id}: {_sum(answer['total'])} instead of {total}")
    verdict.counts["emissions compared, mg"] += total[0]


def _sum(group: Mapping[str, Any]) -> tuple[int, int, int]:
    milligrams = [Decimal(group[name]) * MG_PER_T for name in ("emissions_t_co2e", "energy_tce")]
    if any(amount != int(amount) for amount in milligrams):
        raise ValueError(f"a total has a fraction of a milligram: {group}")
    return int(milligrams[0]), int(milligrams[1]), int(group["records"])


def _compare_sums(what: str, expected: Sums, found: Sums, verdict: Verdict) -> None:
    # a sum of which every record has been corrected away may stay, as nothing
    for key in expected.keys() | {key for key, value in found.items() if value != (0, 0, 0)}:
        verdict.counts["sums compared"] += 1
        if expected.get(key) != found.get(key):
            verdict.fail("totals differ", f"{what} {key}: {found.get(key)} instead of {expected.get(key)}")


def compare_feed(park_id: str, account: Account, changes: Sequence[Mapping[str, Any]], verdict: Verdict) -> None:
    """Compares what the change feed says of a park with its account.

    Each record stands in one fact, and who applies the newest sums has the account, in whatever order facts have come.
    """
    told: Counter[str] = Counter()
    newest: dict[tuple[str, str], tuple[int, tuple[int, int, int]]] = {}
    for change in changes:
        data = change["data"]
        if change["type"].endswith(".ActivityRecorded"):
            told.update(data["record_id"])
        elif change["type"].endswith(".EmissionsCalculated"):
            position = int(data["last_position"])
            columns = ("source_id", "first_month", "emissions_mg_co2e", "energy_mgce", "records")
            for source, month, *amounts in zip(*(data[name] for name in columns), strict=True):
                key = source, f"{month // 100}-{month % 100:02d}"
                if position >= newest.get(key, (0, (0, 0, 0)))[0]:
                    newest[key] = position, (int(amounts[0]), int(amounts[1]), int(amounts[2]))
    verdict.counts["facts in the feed"] += len(changes)
    for record_id in account.records.keys() - told.keys():
        verdict.fail("lost from the feed", f"{park_id} {record_id}")
    for record_id, count in told.items():
        if record_id not in account.records:
            verdict.fail("made up", f"the feed of {park_id} has {record_id}")
        elif count > 1:
            verdict.fail("counted twice", f"the feed of {park_id} has {record_id} {count} times")
    _compare_sums(f"feed of {park_id}", expected_sums(account), {key: value for key, (_, value) in newest.items()}, verdict)


def compare_chain(park_id: str, changes: Sequence[Mapping[str, Any]], verdict: Verdict) -> dict[int, str]:
    """Computes the park's hash chain from the facts alone, as docs/decisions/0034 has it, and compares each head that a fact tells.

    Returns:
        The head at each position.
    """
    facts = sorted(
        (change["data"] for change in changes if change["type"].endswith(".ActivityRecorded")),
        key=lambda data: int(data["first_position"]),
    )
    tenant_id = facts[0]["tenant_id"] if facts else ""
    digest = sha256(b"parkcarbon activity records 1" + _with_length(tenant_id) + _with_length(park_id)).digest()
    heads = {0: digest.hex()}
    for data in facts:
        supersedes = {each["record_id"]: each["superseded_record_id"] for each in data["supersessions"]}
        recorded_us = (datetime.fromisoformat(data["recorded_time"]) - _EPOCH) // timedelta(microseconds=1)
        for row, record_id in enumerate(data["record_id"]):
            start_s, end_s = int(data["period_start_s"][row]), int(data["period_end_s"][row])
            amounts = (int(data[name][row]) for name in ("quantity_micro", "emissions_mg_co2e", "energy_mgce"))
            months = (int(datetime.fromtimestamp(at, _PARK_ZONE).strftime("%Y%m")) for at in (start_s, end_s - 1))
            texts = [
                data[f"{name}_id" if name != "unit" else name][data[f"{name}_index"][row]] for name in ("source", "unit", "basis")
            ]
            numbers = struct.pack(">9q", len(heads), start_s, end_s, *amounts, *months, recorded_us)
            written = map(_with_length, (*texts, supersedes.get(record_id, ""), record_id))
            digest = sha256(digest + numbers + b"".join(written)).digest()
            heads[len(heads)] = digest.hex()
        if (int(data["last_position"]), data["head_sha256"]) != (len(heads) - 1, digest.hex()):
            verdict.fail("chain breaks", f"{park_id}: the fact of position {data['first_position']} tells another head")
    verdict.counts["heads compared"] += len(facts)
    return heads


def _with_length(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">I", len(encoded)) + encoded


def compare_positions(changes: Sequence[Mapping[str, Any]], parks: frozenset[str], verdict: Verdict) -> None:
    """Checks a tenant's whole feed: positions count from 1 without gaps, no event stands twice, no park of another tenant."""
    if [change["position"] for change in changes] != list(range(1, len(changes) + 1)):
        verdict.fail("feed positions", "they do not count from 1 without gaps")
    for event_id, count in Counter(change["event_id"] for change in changes).items():
        if count > 1:
            verdict.fail("counted twice", f"event {event_id} stands {count} times in the feed")
    for change in changes:
        if change["park_id"] not in parks:
            verdict.fail("cross-tenant", f"the feed has {change['park_id']}")


def compare_dead_letters(markers: Iterable[str], letters: Sequence[tuple[str, str]], verdict: Verdict) -> None:
    """Compares the dead letters with the poison that was sent.

    Setting aside is at least once: a consumer that dies between the two steps does it again. So letters are counted by marker.

    Args:
        markers: Of the poison events that were published.
        letters: Marker and reason of each dead letter; "" where it has none.
        verdict: Takes counts and failures.
    """
    sent, found = set(markers), {marker for marker, _ in letters}
    verdict.counts["dead letters"] += len(found)
    verdict.counts["dead letters set aside again"] += len(letters) - len(found)
    for marker in sent - found:
        verdict.fail("poison not set aside", marker)
    for marker in found - sent:
        verdict.fail("good events set aside", marker or "one without a marker")
    for marker, reason in letters:
        if not reason:
            verdict.fail("dead letters without a reason", marker)
