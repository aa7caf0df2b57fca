"""Findings of a verification about a closed inventory: written, answered, closed; nothing of them is edited.

Terms: ISO 14064-3:2019: a misstatement is an error, omission or misrepresentation in the inventory, a nonconformity a
requirement that is not met; it is material where it could change what an intended user decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounting.domain.parks import valid_identifier
from accounting.domain.reference import ReferenceTables
from kernel.refusals import InvalidField

KINDS = ("misstatement", "nonconformity", "observation")
CONCLUSIONS = ("resolved", "accepted", "unresolved")
OPEN, ANSWERED, CLOSED = "open", "answered", "closed"
MAX_TEXT_CHARACTERS = 2_000
MAX_EVIDENCE = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What the park's management says to a finding; `restated_in` is the inventory that restates the year because of it, or ""."""

    number: int
    text: str
    restated_in: str
    evidence: tuple[str, ...]
    answered_by: str
    answered_time: datetime


@dataclass(frozen=True, slots=True)
class Closing:
    """How a finding ended: resolved, accepted as it is, or unresolved."""

    conclusion: str
    text: str
    closed_by: str
    closed_time: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about an inventory.

    Attributes:
        number: from 1 in the inventory, in the order in which findings were written.
        item: of the inventory tree, or "".
        enterprise_id: of the park, or "".
        record_id: of the park, or "".
        evidence: ids of documents.
    """

    park_id: str
    tenant_id: str
    year: int
    version: int
    finding_id: str
    number: int
    kind: str
    material: bool
    item: str
    enterprise_id: str
    record_id: str
    text: str
    evidence: tuple[str, ...]
    written_by: str
    written_time: datetime
    answers: tuple[Answer, ...] = ()
    closing: Closing | None = None

    @property
    def inventory_id(self) -> str:
        """The inventory's name in the park."""
        return f"{self.year}-v{self.version}"

    @property
    def state(self) -> str:
        """Where it stands, by what was added to it."""
        if self.closing is not None:
            return CLOSED
        return ANSWERED if self.answers else OPEN


def valid_text(text: str) -> str:
    """Returns a text of lines that can be shown.

    Raises:
        InvalidField: it is empty, too long, or holds control characters.
    """
    if not text.strip() or len(text) > MAX_TEXT_CHARACTERS or not text.replace("\n", "").isprintable():
        allowed = f"1 to {MAX_TEXT_CHARACTERS} printable characters"
        raise InvalidField("text", text, allowed, f"1 至 {MAX_TEXT_CHARACTERS} 个可显示字符")
    return text


def valid_evidence(evidence: Sequence[str]) -> tuple[str, ...]:
    """Returns the ids of documents.

    Raises:
        InvalidField: they are too many, or one is no id.
    """
    if len(evidence) > MAX_EVIDENCE:
        raise InvalidField("evidence", str(len(evidence)), f"at most {MAX_EVIDENCE} ids", f"至多 {MAX_EVIDENCE} 个编号")
    return tuple(valid_identifier("evidence", each) for each in evidence)


def valid_finding(finding: Finding, reference: ReferenceTables) -> Finding:
    """Returns the finding when every field keeps its rule.

    Raises:
        InvalidField: a field breaks its rule; the first one is named.
    """
    valid_identifier("finding_id", finding.finding_id)
    _one_of("kind", finding.kind, KINDS)
    if finding.item and finding.item not in reference.items:
        _one_of("item", finding.item, tuple(reference.items))
    valid_text(finding.text)
    valid_evidence(finding.evidence)
    return finding


def valid_conclusion(conclusion: str) -> str:
    """Returns how a finding ends.

    Raises:
        InvalidField: it is no conclusion.
    """
    _one_of("conclusion", conclusion, CONCLUSIONS)
    return conclusion


def _one_of(field: str, found: str, allowed: Sequence[str]) -> None:
    if found not in allowed:
        listed = ", ".join(allowed)
        raise InvalidField(field, found, f"one of {listed}", f"以下之一:{listed}")
