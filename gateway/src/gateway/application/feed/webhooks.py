"""Webhooks: made and withdrawn by callers that follow the changes; changes sent in order, again and again until they arrive."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from gateway.application.access.authority import Authorities, rights_now
from gateway.application.access.ports import SecretCipher
from gateway.application.feed.changes import FeedServices, read_changes
from gateway.application.feed.ports import WebhookSender
from gateway.application.ports import Clock, UnitsOfWork
from gateway.domain.access.authority import Authority
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import AuthorityLapsed, BoundToEnterprises, CursorExpired, RoleMissing, ScopeMissing
from gateway.domain.feed.changes import Change
from gateway.domain.feed.webhooks import (
    GONE,
    MOST_OWN_WEBHOOKS,
    MOST_WEBHOOKS,
    PAUSES,
    Delivery,
    TargetRules,
    TooManyWebhooks,
    Webhook,
    WebhookUnknown,
    cloud_event,
    signature,
)
from kernel.access import WholeParks

_AT_A_TIME = 50
_SECRET_BYTES = 32
_CONTEXT = "webhook"


@dataclass(frozen=True, slots=True)
class WebhookServices:
    """What webhooks need.

    Attributes:
        authorities: Says in whose name changes may still be sent; asked anew at each delivery.
    """

    units: UnitsOfWork
    feed: FeedServices
    authorities: Authorities
    sender: WebhookSender
    cipher: SecretCipher
    rules: TargetRules
    clock: Clock
    new_id: Callable[[], str]
    random_bytes: Callable[[int], bytes]


async def create_webhook(
    services: WebhookServices, authority: Authority, url: str, types: frozenset[str], since: int
) -> tuple[Webhook, str]:
    """Makes a webhook; returns it with its secret, which is told this once.

    Args:
        services: What webhooks need.
        authority: Who makes it, and by which credential: what it does not reach then and at each delivery is not sent.
        url: The target.
        types: The facts that are sent, none for all.
        since: The position after which it begins.

    Raises:
        RoleMissing: The caller may not follow the changes.
        BoundToEnterprises: It sees parts of parks only.
        ParameterInvalid: The address could never be a target.
        TooManyWebhooks: The caller, or its tenant, has as many as it may.
    """
    caller = authority.caller
    caller.must_follow()
    services.rules.check_url(url)
    secret = services.random_bytes(_SECRET_BYTES)
    webhook_id = services.new_id()
    now = services.clock.now()
    made = Webhook(
        webhook_id=webhook_id,
        url=url,
        types=types,
        caller=caller,
        sealed_secret=services.cipher.encrypt(secret, f"{_CONTEXT} {webhook_id}"),
        position=since,
        active=True,
        failures=0,
        due_time=now,
        made_time=now,
        auth_method=authority.auth_method,
        credential=authority.credential,
    )
    async with services.units(caller.tenant) as unit:
        _must_have_room(await unit.webhooks.list(caller.tenant), caller)
        await unit.webhooks.put(made)
        await unit.commit()
    return made, "whsec_" + base64.b64encode(secret).decode()


def _must_have_room(webhooks: Sequence[Webhook], caller: Caller) -> None:
    own = sum(webhook.caller.subject == caller.subject for webhook in webhooks)
    if own >= MOST_OWN_WEBHOOKS or len(webhooks) >= MOST_WEBHOOKS:
        raise TooManyWebhooks(allowed=MOST_WEBHOOKS, allowed_own=MOST_OWN_WEBHOOKS)


async def list_webhooks(services: WebhookServices, caller: Caller) -> Sequence[Webhook]:
    """Returns the webhooks that the caller made, in order of making."""
    caller.must_follow()
    async with services.units.read(caller.tenant) as unit:
        found = await unit.webhooks.list(caller.tenant)
    return [webhook for webhook in found if _is_for(webhook, caller)]


async def get_webhook(services: WebhookServices, caller: Caller, webhook_id: str) -> tuple[Webhook, Sequence[Delivery]]:
    """Returns a webhook with its latest deliveries, the newest first.

    Raises:
        WebhookUnknown: The caller made none of that id.
    """
    caller.must_follow()
    async with services.units.read(caller.tenant) as unit:
        found = await unit.webhooks.find(caller.tenant, webhook_id)
        if found is None or not _is_for(found, caller):
            raise WebhookUnknown(webhook_id)
        return found, await unit.webhooks.deliveries(caller.tenant, webhook_id)


async def delete_webhook(services: WebhookServices, caller: Caller, webhook_id: str) -> Webhook:
    """Withdraws a webhook and returns it as it was.

    Raises:
        WebhookUnknown: The caller made none of that id.
    """
    found, _ = await get_webhook(services, caller, webhook_id)
    async with services.units(caller.tenant) as unit:
        await unit.webhooks.delete(caller.tenant, webhook_id)
        await unit.commit()
    return found


async def resume_webhook(services: WebhookServices, authority: Authority, webhook_id: str) -> Webhook:
    """Sends again what a webhook that failed has not got, at once; of what is no longer kept, what is left.

    Resumed by its maker, it goes on with the maker's rights of now and by the present credential; resumed by an operator, as before
    in its maker's name.

    Raises:
        WebhookUnknown: The caller made none of that id.
        AuthorityLapsed, RoleMissing, ScopeMissing, BoundToEnterprises: Its maker may not any more.
    """
    caller = authority.caller
    found, _ = await get_webhook(services, caller, webhook_id)
    if caller.subject != found.caller.subject:
        authority = found.authority
    parks = await _followed(services, authority)
    position = found.position
    try:
        await services.feed.feed.read(parks, after=position, limit=1)
    except CursorExpired as error:
        position = error.oldest - 1
    resumed = found.resumed(authority, position, services.clock.now())
    async with services.units(caller.tenant) as unit:
        await unit.webhooks.put(resumed)
        await unit.commit()
    return resumed


async def _followed(services: WebhookServices, authority: Authority) -> WholeParks:
    """Returns the parks whose changes may be sent in the name of an authority at present.

    Raises:
        AuthorityLapsed, RoleMissing, ScopeMissing, BoundToEnterprises: None may.
    """
    parks = (await rights_now(services.authorities, authority)).must_follow()
    if parks.bounds.empty:
        raise AuthorityLapsed("NOTHING_IN_REACH", authority.caller.subject)
    return parks


def _is_for(webhook: Webhook, caller: Caller) -> bool:
    return webhook.caller.subject == caller.subject or caller.may(Action.MANAGE_CALLERS)


async def deliver_next(services: WebhookServices) -> bool:
    """Takes the webhook that has waited longest and sends what it has not got; returns whether there was one.

    A webhook is taken for a minute, so that one replica at a time sends to it, and after a death another goes on. A change may then
    arrive twice; its id says so. Before each change is sent it is asked in whose name, and what that may at present; a webhook in
    nobody's is disabled.
    """
    async with services.units(work="pushes") as unit:
        webhook = await unit.webhooks.take(services.clock.now())
        await unit.commit()
    if webhook is None:
        return False
    pause = timedelta(0)
    try:
        parks = await _followed(services, webhook.authority)
        changes = (await read_changes(services.feed, parks, after=webhook.position, limit=_AT_A_TIME)).changes
        for change in changes:
            if webhook.types and change.type.rpartition(".")[2] not in webhook.types:
                webhook = replace(webhook, position=change.position)
                continue
            if await _followed(services, webhook.authority) != parks:
                # What may be sent is not what was read: it is read anew.
                break
            webhook, delivery = await _send(services, webhook, change)
            arrived = delivery.outcome == DELIVERED
            kept = await _keep(services, webhook, delivery, held=arrived)
            if kept is None or not arrived:
                return True
            webhook = kept
        else:
            pause = PAUSES[0] if len(changes) < _AT_A_TIME else pause
    except CursorExpired:
        # Never silently: whoever resumes it knows that changes are missing.
        now, attempt = services.clock.now(), webhook.failures + 1
        expired = Delivery(webhook.position + 1, attempt, 0, EXPIRED, now)
        webhook = replace(webhook, failures=attempt).disabled("CHANGES_EXPIRED", found=str(webhook.position))
        await _keep(services, webhook, expired)
        return True
    except _LAPSES as lapsed:
        await _keep(services, webhook.disabled(lapsed.reason, **lapsed.facts()), None)
        return True
    await _keep(services, replace(webhook, due_time=services.clock.now() + pause), None)
    return True


_LAPSES = (AuthorityLapsed, RoleMissing, ScopeMissing, BoundToEnterprises)
DELIVERED = "delivered"
EXPIRED = "no longer kept"


async def _send(services: WebhookServices, webhook: Webhook, change: Change) -> tuple[Webhook, Delivery]:
    now = services.clock.now()
    secret = services.cipher.decrypt(webhook.sealed_secret, f"{_CONTEXT} {webhook.webhook_id}")
    attempt = webhook.failures + 1
    if secret is None:
        failed = Delivery(change.position, attempt, 0, "secret not readable", now)
        return webhook.disabled("SECRET_NOT_READABLE"), failed
    body, timestamp = cloud_event(change), int(now.timestamp())
    headers = {
        "Content-Type": "application/cloudevents+json",
        "Webhook-Id": change.event_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": signature(secret, change.event_id, timestamp, body),
    }
    status, outcome = await services.sender.send(webhook.url, headers, body)
    if 200 <= status < 300:
        return replace(webhook, position=change.position, failures=0), Delivery(change.position, attempt, status, DELIVERED, now)
    failed = Delivery(change.position, attempt, status, outcome, now)
    if status == GONE:
        return replace(webhook, failures=attempt).disabled("TARGET_GONE"), failed
    if attempt > len(PAUSES):
        return replace(webhook, failures=attempt).disabled("TARGET_FAILING", found=str(attempt), last=outcome), failed
    return replace(webhook, failures=attempt, due_time=now + PAUSES[attempt - 1]), failed


async def _keep(services: WebhookServices, webhook: Webhook, delivery: Delivery | None, *, held: bool = False) -> Webhook | None:
    """Stores how far a webhook has come; None where it was withdrawn or resumed meanwhile, or is another sender's by now."""
    async with services.units(webhook.caller.tenant) as unit:
        kept = await unit.webhooks.keep(webhook, held=held)
        if kept is not None and delivery is not None:
            await unit.webhooks.log(webhook, delivery)
        await unit.commit()
    return kept
