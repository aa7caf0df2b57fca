"""Webhooks as callers send and see them."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from gateway.api.schemas.model import Answer, RequestBody

_HOOK: dict[str, Any] = {
    "webhook_id": "0193-hook",
    "url": "https://region.example/hooks/parkcarbon",
    "types": ["EmissionsCalculated"],
    "made_by": "region",
    "made_time": "2026-11-21T02:00:00+00:00",
    "position": 0,
    "state": "active",
    "failures": 0,
    "due_time": "2026-11-21T02:00:00+00:00",
}


class WebhookBody(RequestBody):
    """A webhook to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://region.example/hooks/parkcarbon", "types": ["EmissionsCalculated"]}]}
    )

    url: Annotated[str, Field(max_length=2000)]
    types: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Za-z]{1,64}$")]],
        Field(default_factory=list, max_length=50, description="The facts that are sent, by their short names; none for all"),
    ]
    since: Annotated[str, Field(max_length=100, description="A cursor of the change feed after which it begins")] = ""


class WebhookProblem(Answer):
    """Why a webhook is disabled: a reason for programs, and a sentence by `Accept-Language`."""

    reason: str
    message: str


class WebhookAnswer(Answer):
    """A webhook."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_HOOK]})

    webhook_id: str
    url: str
    types: list[str]
    made_by: str
    made_time: str
    position: int
    state: Literal["active", "disabled"]
    failures: int
    due_time: str
    problem: WebhookProblem | None = None


class WebhookMadeAnswer(WebhookAnswer):
    """A webhook that was just made, with its secret."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_HOOK, "secret": "whsec_…"}]})

    secret: str


class DeliveryAnswer(Answer):
    """One attempt to deliver a change; status 0 where the target did not answer."""

    position: int
    attempt: int
    status: int
    outcome: str
    time: str


class WebhookWithDeliveriesAnswer(WebhookAnswer):
    """A webhook with its latest deliveries."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{**_HOOK, "deliveries": []}]})

    deliveries: list[DeliveryAnswer]


class WebhooksAnswer(Answer):
    """Webhooks."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"webhooks": [_HOOK]}]})

    webhooks: list[WebhookAnswer]
