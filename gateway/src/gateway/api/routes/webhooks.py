"""Routes of webhooks."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import caller_of
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.responses import answer
from gateway.api.schemas.model import ID_PATTERN
from gateway.api.schemas.webhooks import WebhookAnswer, WebhookBody, WebhookMadeAnswer, WebhooksAnswer, WebhookWithDeliveriesAnswer
from gateway.application.feed import webhooks
from gateway.application.feed.webhooks import WebhookServices
from gateway.domain.callers import Action
from gateway.domain.feed.changes import position_of
from gateway.domain.feed.webhooks import Webhook

WebhookId = Annotated[str, Path(alias="webhook", pattern=ID_PATTERN, description="The webhook's id", examples=["0193-hook"])]


def router(webhook_services: WebhookServices, uploads: Uploads) -> APIRouter:
    """Returns the routes of webhooks."""
    routes = APIRouter(prefix="/v1/webhooks", tags=["changes"])

    @routes.post(
        "",
        status_code=201,
        response_model=WebhookMadeAnswer,
        responses=refusals(400, 403, 408, 409, 413, 415, 422, 429),
        openapi_extra=body_of(WebhookBody),
    )
    async def create_webhook(request: Request) -> Response:
        """Makes a webhook: changes are sent to its address as signed CloudEvents. Its secret is in this answer and in no other."""
        caller = caller_of(request)
        caller.must(Action.FOLLOW)
        body = await read_json(uploads, request, WebhookBody)
        made, secret = await webhooks.create_webhook(
            webhook_services, caller, body.url, frozenset(body.types), position_of(body.since)
        )
        return answer({**_webhook_members(made), "secret": secret}, 201, {"Location": f"/v1/webhooks/{made.webhook_id}"})

    @routes.get("", response_model=WebhooksAnswer, responses=refusals(403, 422))
    async def list_webhooks(request: Request) -> Response:
        """Returns the webhooks that the caller made; all of the tenant for who may manage callers."""
        return answer(
            {"webhooks": [_webhook_members(each) for each in await webhooks.list_webhooks(webhook_services, caller_of(request))]}
        )

    @routes.get("/{webhook}", response_model=WebhookWithDeliveriesAnswer, responses=refusals(403, 404, 422))
    async def get_webhook(request: Request, webhook: WebhookId) -> Response:
        """Returns a webhook with its latest deliveries, the newest first."""
        found, deliveries = await webhooks.get_webhook(webhook_services, caller_of(request), webhook)
        listed = [
            {
                "position": each.position,
                "attempt": each.attempt,
                "status": each.status,
                "outcome": each.outcome,
                "time": each.time.isoformat(),
            }
            for each in deliveries
        ]
        return answer({**_webhook_members(found), "deliveries": listed})

    @routes.post("/{webhook}:resume", response_model=WebhookAnswer, responses=refusals(403, 404, 422))
    async def resume_webhook(request: Request, webhook: WebhookId) -> Response:
        """Sends again, at once, what a webhook that failed or was disabled has not got."""
        return answer(_webhook_members(await webhooks.resume_webhook(webhook_services, caller_of(request), webhook)))

    @routes.delete("/{webhook}", response_model=WebhookAnswer, responses=refusals(403, 404, 422))
    async def delete_webhook(request: Request, webhook: WebhookId) -> Response:
        """Withdraws a webhook, and returns it as it was; nothing more is sent to it."""
        return answer(_webhook_members(await webhooks.delete_webhook(webhook_services, caller_of(request), webhook)))

    return routes


def _webhook_members(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": webhook.webhook_id,
        "url": webhook.url,
        "types": sorted(webhook.types),
        "made_by": webhook.caller.subject,
        "made_time": webhook.made_time.isoformat(),
        "position": webhook.position,
        "state": "active" if webhook.active else "disabled",
        "failures": webhook.failures,
        "due_time": webhook.due_time.isoformat(),
    }
