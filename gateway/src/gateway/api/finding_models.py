"""The bodies and answers of findings."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from gateway.api.schemas.model import Answer, Id, RequestBody

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Evidence = Annotated[list[Id], Field(max_length=20)]
Kind = Literal["misstatement", "nonconformity", "observation"]
Conclusion = Literal["resolved", "accepted", "unresolved"]


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [value]})


def _shown(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


_WRITTEN: dict[str, Any] = {
    "finding_id": "f-1",
    "kind": "misstatement",
    "material": True,
    "text": "The bill of December is missing",
}
_ANSWER: dict[str, Any] = {
    "number": 1,
    "text": "It came late and is in 2022-v2",
    "restated_in": "2022-v2",
    "evidence": [],
    "answered_by": "park-manager",
    "answered_time": "2026-11-21T02:00:00Z",
}
_FINDING: dict[str, Any] = {
    "park_id": "ganzhou-etdz",
    "inventory_id": "2022-v1",
    **_WRITTEN,
    "number": 1,
    "evidence": [],
    "written_by": "verifier",
    "written_time": "2026-11-21T01:00:00Z",
    "state": "answered",
    "answers": [_ANSWER],
}


class FindingBody(RequestBody):
    """A finding, and what it is about: an item of the inventory tree, an enterprise, a record, or the whole."""

    model_config = _example(_WRITTEN)

    finding_id: Id
    kind: Kind
    material: bool
    item: Annotated[str, Field(max_length=64)] = ""
    enterprise_id: Annotated[str, Field(max_length=64)] = ""
    record_id: Annotated[str, Field(max_length=64)] = ""
    text: Text
    evidence: Evidence = Field(default_factory=list)


class AnswerBody(RequestBody):
    """What is said to a finding, and which inventory restates the year because of it."""

    model_config = _example({"text": "It came late and will be restated"})

    text: Text
    restated_in: Annotated[str, Field(max_length=64)] = ""
    evidence: Evidence = Field(default_factory=list)


class ConclusionBody(RequestBody):
    """How a finding ends."""

    model_config = _example({"conclusion": "resolved", "text": "The restatement has the bill"})

    conclusion: Conclusion
    text: Text


class AnsweredAnswer(Answer):
    """What the park's management said."""

    number: int
    text: str
    restated_in: str | None = None
    evidence: list[str]
    answered_by: str
    answered_time: str


class ClosingAnswer(Answer):
    """How a finding ended."""

    conclusion: Conclusion
    text: str
    closed_by: str
    closed_time: str


class FindingAnswer(Answer):
    """A finding with everything that was added to it."""

    model_config = _shown(_FINDING)

    park_id: str
    inventory_id: str
    finding_id: str
    number: int
    kind: Kind
    material: bool
    item: str | None = None
    enterprise_id: str | None = None
    record_id: str | None = None
    text: str
    evidence: list[str]
    written_by: str
    written_time: str
    state: Literal["open", "answered", "closed"]
    answers: list[AnsweredAnswer]
    closing: ClosingAnswer | None = None


class FindingsAnswer(Answer):
    """Findings in the order in which they were written."""

    model_config = _shown({"findings": [_FINDING], "next_page_token": ""})

    findings: list[FindingAnswer]
    next_page_token: str


SENT = (FindingBody, AnswerBody, ConclusionBody)
"""Every body, for the API's description."""
