"""The receipt of an upload."""

from typing import Literal

from pydantic import Field

from gateway.api.schemas.model import Answer, example_of


class RejectedRowAnswer(Answer):
    """Why a row was rejected."""

    reason: str
    field: str
    found: str
    allowed: str
    message: str


class RowResultAnswer(Answer):
    """What became of one row."""

    row: int
    record_id: str
    outcome: Literal["accepted", "duplicate", "superseded", "rejected"]
    problem: RejectedRowAnswer | None = None


class ReceiptAnswer(Answer):
    """What became of the rows of an upload."""

    model_config = example_of(
        {
            "park_id": "ganzhou-etdz",
            "rows": 2,
            "accepted": 1,
            "duplicate": 0,
            "superseded": 0,
            "rejected": 1,
            "results": [
                {"row": 1, "record_id": "r-1", "outcome": "accepted"},
                {
                    "row": 2,
                    "record_id": "r-2",
                    "outcome": "rejected",
                    "problem": {
                        "reason": "QUANTITY_NOT_A_STRING",
                        "field": "quantity",
                        "found": "12.5",
                        "allowed": "a string",
                        "message": "quantity must be a string, got 12.5: write it as a string so that no digit is lost",
                    },
                },
            ],
            "results_shown": "all",
        }
    )

    park_id: str
    rows: int
    accepted: int
    duplicate: int
    superseded: int
    rejected: int
    profile_id: str | None = Field(default=None, description="Of the mapping profile that was used; left out where none was named")
    profile_version: int | None = Field(default=None, description="Which version of it was used")
    results: list[RowResultAnswer]
    results_shown: Literal["all", "rejected", "none"]
