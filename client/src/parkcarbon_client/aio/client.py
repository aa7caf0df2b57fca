"""The asynchronous client."""

from __future__ import annotations

from parkcarbon_client.aio.activity import AsyncActivityMethods
from parkcarbon_client.aio.generated.accounting import AsyncAccountingMethods
from parkcarbon_client.aio.generated.evaluation import AsyncEvaluationMethods
from parkcarbon_client.aio.indicator_values import AsyncIndicatorValueMethods
from parkcarbon_client.aio.platform import AsyncPlatformMethods
from parkcarbon_client.aio.push import AsyncPushMethods


class AsyncParkCarbonClient(
    AsyncAccountingMethods,
    AsyncEvaluationMethods,
    AsyncActivityMethods,
    AsyncIndicatorValueMethods,
    AsyncPlatformMethods,
    AsyncPushMethods,
):
    """Talks to a ParkCarbon platform. Close it, or use it in an `async with` statement. Stays in one event loop.

    Every method raises ProblemError when the server refuses, ServerUnreachable when no answer comes after every retry, and
    AnswerNotUnderstood when an answer does not have the promised shape.

    >>> async with AsyncParkCarbonClient("https://parkcarbon.example", token) as client:  # doctest: +SKIP
    ...     receipt = await client.push_file("ganzhou-etdz", "records.csv")

    Args:
        base_url: Where the platform is, such as https://parkcarbon.example.
        token: The bearer token, such as `<key id>.<secret>`; "" for the routes that need none, and with `auth`.
        auth: Another way of authentication: SignedRequests or ClientCredentials.
        timeout_seconds: How long one attempt may wait for the connection, and for each part of the answer, s, > 0.
        retries: How often and after how long a request is sent again after 429, 502, 503, 504 and connection errors; a number of
            further attempts, or a policy.
        language: "zh" or "en": what sentences of the server are in.
        transport: Stands in for the network, for tests and special routes; without one, the environment's proxies are used,
            except for this machine.
        sleep: Waits, s.
    """
