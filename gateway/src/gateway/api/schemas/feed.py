"""The change feed as callers see it."""

from typing import Any

from gateway.api.schemas.model import Answer, example_of


class ChangeAnswer(Answer):
    """One fact of a service."""

    position: int
    topic: str
    type: str
    park_id: str
    time: str
    event_id: str
    data: dict[str, Any]


class ChangesAnswer(Answer):
    """Facts in order; keep `next` once they are applied, and continue from it."""

    model_config = example_of(
        {
            "changes": [
                {
                    "position": 1,
                    "topic": "accounting.park.v1",
                    "type": "parkcarbon.accounting.events.v1.ParkRegistered",
                    "park_id": "ganzhou-etdz",
                    "time": "2026-11-21T02:00:00Z",
                    "event_id": "0193",
                    "data": {"park_id": "ganzhou-etdz", "tenant_id": "ganzhou", "region_code": "360700"},
                }
            ],
            "next": "1",
            "more": False,
        }
    )

    changes: list[ChangeAnswer]
    next: str
    more: bool
