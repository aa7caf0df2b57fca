# Written by client/generate_sync.py from aio/client.py: edit that file and run `make gen`.
"""The blocking client."""

from __future__ import annotations

from parkcarbon_client.sync.activity import ActivityMethods
from parkcarbon_client.sync.generated.accounting import AccountingMethods
from parkcarbon_client.sync.generated.evaluation import EvaluationMethods
from parkcarbon_client.sync.indicator_values import IndicatorValueMethods
from parkcarbon_client.sync.platform import PlatformMethods
from parkcarbon_client.sync.push import PushMethods


class ParkCarbonClient(
    AccountingMethods,
    EvaluationMethods,
    ActivityMethods,
    IndicatorValueMethods,
    PlatformMethods,
    PushMethods,
):
    """Talks to a ParkCarbon platform. Close it, or use it in a `with` statement. May be shared by threads.

    Every method raises ProblemError when the server refuses, ServerUnreachable when no answer comes after every retry, and
    AnswerNotUnderstood when an answer does not have the promised shape.

    >>> with ParkCarbonClient("https://parkcarbon.example", token) as client:  # doctest: +SKIP
    ...     receipt = client.push_file("ganzhou-etdz", "records.csv")

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
