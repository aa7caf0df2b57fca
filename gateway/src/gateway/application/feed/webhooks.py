"""Webhooks: made and withdrawn by callers that follow the changes; changes sent in order, again and again until they arrive."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gateway.application.access.ports import Seals
from gateway.application.feed.ports import ChangeFeed, Courier
from gateway.application.stores import Clock, Stores
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import CursorExpired
from gateway.domain.feed.changes import Change
from gateway.domain.feed.webhooks import (
    GONE,
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

_AT_A_TIME = 50
_SECRET_BYTES = 32
_CONTEXT = "webhook"


@dataclass(frozen=True, slots=True)
class Hooking:
    """What webhooks need."""

    stores: Stores
    feed: ChangeFeed
    courier: Courier
    seals: Seals
    rules: TargetRules
    clock: Clock
    new_id: Callable[[], str]
    random_bytes: Callable[[int], bytes]


async def make_webhook(hooking: Hooking, caller: Caller, url: str, types: frozenset[str], since: int) -> tuple[Webhook, str]:
    """Makes a webhook; returns it with its secret, which is told this once.

    Args:
        hooking: What webhooks need.
        caller: Who makes it: what it does not reach is not sent.
        url: The target.
        types: The facts that are sent, none for all.
        since: The position after which it begins.

    Raises:
        RoleMissing: The caller may not follow the changes.
        ParameterInvalid: The address could never be a target.
        TooManyWebhooks: The tenant has as many as it may.
    """
    caller.must(Action.FOLLOW)
    hooking.rules.check_url(url)
    secret = hooking.random_bytes(_SECRET_BYTES)
    webhook_id = hooking.new_id()
    now = hooking.clock.now()
    made = Webhook(
        webhook_id=webhook_id,
        url=url,
        types=types,
        caller=caller,
        sealed_secret=hooking.seals.seal(secret, f"{_CONTEXT} {webhook_id}"),
        position=since,
        active=True,
        failures=0,
        due_time=now,
        made_time=now,
    )
    async with hooking.stores.write(caller.tenant) as store:
        if len(await store.hooks.list(caller.tenant)) >= MOST_WEBHOOKS:
            raise TooManyWebhooks(allowed=MOST_WEBHOOKS)
        await store.hooks.put(made)
        await store.commit()
    return made, "whsec_" + base64.b64encode(secret).decode()


async def list_webhooks(hooking: Hooking, caller: Caller) -> Sequence[Webhook]:
    """Returns the webhooks that the caller made, in order of making."""
    caller.must(Action.FOLLOW)
    async with hooking.stores.read(caller.tenant) as store:
        found = await store.hooks.list(caller.tenant)
    return [webhook for webhook in found if _is_for(webhook, caller)]


async def read_webhook(hooking: Hooking, caller: Caller, webhook_id: str) -> tuple[Webhook, Sequence[Delivery]]:
    """Returns a webhook with its latest deliveries, the newest first.

    Raises:
        WebhookUnknown: The caller made none of that id.
    """
    caller.must(Action.FOLLOW)
    async with hooking.stores.read(caller.tenant) as store:
        found = await store.hooks.find(caller.tenant, webhook_id)
        if found is None or not _is_for(found, caller):
            raise WebhookUnknown(webhook_id)
        return found, await store.hooks.deliveries(caller.tenant, webhook_id)


async def delete_webhook(hooking: Hooking, caller: Caller, webhook_id: str) -> Webhook:
    """Withdraws a webhook and returns it as it was.

    Raises:
        WebhookUnknown: The caller made none of that id.
    """
    found, _ = await read_webhook(hooking, caller, webhook_id)
    async with hooking.stores.write(caller.tenant) as store:
        await store.hooks.delete(caller.tenant, webhook_id)
        await store.commit()
    return found


async def resume_webhook(hooking: Hooking, caller: Caller, webhook_id: str) -> Webhook:
    """Sends again what a webhook that failed has not got, at once; of what is no longer kept, what is left.

    Raises:
        WebhookUnknown: The caller made none of that id.
    """
    found, _ = await read_webhook(hooking, caller, webhook_id)
    position = found.position
    try:
        await hooking.feed.read(found.caller, after=position, limit=1)
    except CursorExpired as error:
        position = error.oldest - 1
    resumed = replace(found, position=position, active=True, failures=0, due_time=hooking.clock.now())
    async with hooking.stores.write(caller.tenant) as store:
        await store.hooks.put(resumed)
        await store.commit()
    return resumed


def _is_for(webhook: Webhook, caller: Caller) -> bool:
    return webhook.caller.subject == caller.subject or caller.may(Action.MANAGE_CALLERS)


async def deliver_next(hooking: Hooking) -> bool:
    """Takes the webhook that has waited longest and sends what it has not got; returns whether there was one.

    A webhook is taken for a minute, so that one replica at a time sends to it, and after a death another goes on. A change may then
    arrive twice; its id says so.
    """
    async with hooking.stores.write(None) as store:
        webhook = await store.hooks.take(hooking.clock.now())
        await store.commit()
    if webhook is None:
        return False
    try:
        changes = await hooking.feed.read(webhook.caller, after=webhook.position, limit=_AT_A_TIME)
    except CursorExpired:
        # Never silently: whoever resumes it knows that changes are missing.
        now, attempt = hooking.clock.now(), webhook.failures + 1
        expired = Delivery(webhook.position + 1, attempt, 0, EXPIRED, now)
        await _keep(hooking, replace(webhook, active=False, failures=attempt), expired)
        return True
    for change in changes:
        if webhook.types and change.type.rpartition(".")[2] not in webhook.types:
            webhook = replace(webhook, position=change.position)
            continue
        webhook, delivery = await _send(hooking, webhook, change)
        arrived = delivery.outcome == DELIVERED
        await _keep(hooking, webhook, delivery, held=arrived)
        if not arrived:
            return True
    pause = PAUSES[0] if len(changes) < _AT_A_TIME else PAUSES[0] * 0
    await _keep(hooking, replace(webhook, due_time=hooking.clock.now() + pause), None)
    return True


DELIVERED = "delivered"
EXPIRED = "no longer kept"


async def _send(hooking: Hooking, webhook: Webhook, change: Change) -> tuple[Webhook, Delivery]:
    now = hooking.clock.now()
    secret = hooking.seals.unseal(webhook.sealed_secret, f"{_CONTEXT} {webhook.webhook_id}")
    attempt = webhook.failures + 1
    if secret is None:
        failed = Delivery(change.position, attempt, 0, "secret not readable", now)
        return replace(webhook, active=False), failed
    body, timestamp = cloud_event(change), int(now.timestamp())
    headers = {
        "Content-Type": "application/cloudevents+json",
        "Webhook-Id": change.event_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": signature(secret, change.event_id, timestamp, body),
    }
    status, said = await hooking.courier.send(webhook.url, headers, body)
    if 200 <= status < 300:
        return replace(webhook, position=change.position, failures=0), Delivery(change.position, attempt, status, DELIVERED, now)
    failed = Delivery(change.position, attempt, status, said, now)
    if status == GONE or attempt > len(PAUSES):
        return replace(webhook, active=False, failures=attempt), failed
    return replace(webhook, failures=attempt, due_time=now + PAUSES[attempt - 1]), failed


async def _keep(hooking: Hooking, webhook: Webhook, delivery: Delivery | None, *, held: bool = False) -> None:
    async with hooking.stores.write(webhook.caller.tenant) as store:
        # Withdrawn meanwhile, it stays withdrawn.
        if await store.hooks.find(webhook.caller.tenant, webhook.webhook_id) is not None:
            await store.hooks.put(webhook, held=held)
            if delivery is not None:
                await store.hooks.log(webhook, delivery)
        await store.commit()
