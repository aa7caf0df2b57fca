"""Routes of webhooks."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import authority_of, caller_of, language
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.responses import answer
from gateway.api.schemas.model import ID_PATTERN
from gateway.api.schemas.webhooks import WebhookAnswer, WebhookBody, WebhookMadeAnswer, WebhooksAnswer, WebhookWithDeliveriesAnswer
from gateway.application.feed import webhooks
from gateway.application.feed.webhooks import WebhookServices
from gateway.domain import messages
from gateway.domain.feed.changes import position_of
from gateway.domain.feed.webhooks import Webhook
from gateway.domain.messages import Language

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
        """Makes a webhook: changes are sent to its address as signed CloudEvents. Its secret is in this answer and in no other.

        What is sent is what its maker might read when it was made, and may read when it is sent. It ends with its maker's rights,
        and with the credential that it was made by.
        """
        authority = authority_of(request)
        authority.caller.must_follow()
        body = await read_json(uploads, request, WebhookBody)
        made, secret = await webhooks.create_webhook(
            webhook_services, authority, body.url, frozenset(body.types), position_of(body.since)
        )
        members = {**_webhook_members(made, language(request)), "secret": secret}
        return answer(members, 201, {"Location": f"/v1/webhooks/{made.webhook_id}", **_VARY})

    @routes.get("", response_model=WebhooksAnswer, responses=refusals(403, 422))
    async def list_webhooks(request: Request) -> Response:
        """Returns the webhooks that the caller made; all of the tenant for who may manage callers."""
        found = await webhooks.list_webhooks(webhook_services, caller_of(request))
        return answer({"webhooks": [_webhook_members(each, language(request)) for each in found]}, headers=_VARY)

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
        return answer({**_webhook_members(found, language(request)), "deliveries": listed}, headers=_VARY)

    @routes.post("/{webhook}:resume", response_model=WebhookAnswer, responses=refusals(403, 404, 422))
    async def resume_webhook(request: Request, webhook: WebhookId) -> Response:
        """Sends again, at once, what a webhook that failed or was disabled has not got.

        Resumed by who made it, it goes on with their rights of now and by the credential of this request.
        """
        return _answer(request, await webhooks.resume_webhook(webhook_services, authority_of(request), webhook))

    @routes.delete("/{webhook}", response_model=WebhookAnswer, responses=refusals(403, 404, 422))
    async def delete_webhook(request: Request, webhook: WebhookId) -> Response:
        """Withdraws a webhook, and returns it as it was; nothing more is sent to it."""
        return _answer(request, await webhooks.delete_webhook(webhook_services, caller_of(request), webhook))

    return routes


_VARY = {"Vary": "Accept-Language"}


def _answer(request: Request, webhook: Webhook) -> Response:
    return answer(_webhook_members(webhook, language(request)), headers=_VARY)


def _webhook_members(webhook: Webhook, spoken: Language) -> dict[str, Any]:
    """Returns a webhook, with the sentence of what disabled it in the language of the request."""
    problem = webhook.problem
    told = {}
    if problem is not None:
        message = messages.sentence(problem.reason, spoken, problem.facts)
        told["problem"] = {"reason": problem.reason, "message": message}
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
        **told,
    }
