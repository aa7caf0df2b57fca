"""The answers of the audit log."""

from pydantic import ConfigDict

from gateway.api.schemas.model import Answer


class AuditEntryAnswer(Answer):
    """A request of a known caller, and how it was answered."""

    position: int
    time: str
    caller_id: str
    way: str
    operation: str
    method: str
    path: str
    park_id: str
    status: int
    request_id: str
    address: str


class AuditAnswer(Answer):
    """Entries in order; continue from `next`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "entries": [
                        {
                            "position": 1,
                            "time": "2026-11-21T02:00:00Z",
                            "caller_id": "example-mes",
                            "way": "key",
                            "operation": "push_activity",
                            "method": "POST",
                            "path": "/v1/parks/ganzhou-etdz/activity-records",
                            "park_id": "ganzhou-etdz",
                            "status": 200,
                            "request_id": "0b6f…",
                            "address": "198.51.100.7",
                        }
                    ],
                    "next": "1",
                    "more": False,
                }
            ]
        }
    )

    entries: list[AuditEntryAnswer]
    next: str
    more: bool
