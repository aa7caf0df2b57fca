"""In whose name something acts that outlasts the request which began it."""

from dataclasses import dataclass

from gateway.domain.callers import Caller


@dataclass(frozen=True, slots=True)
class Authority:
    """A caller as it stood when it began something, and by what it came in.

    It is stored with what acts later, and is no right to act: what the caller may is looked up when it acts, and is never more than
    what it might here.

    Attributes:
        caller: With the rights of then.
        auth_method: By what it was authenticated, as `Authenticated` says it; "" where that was not stored.
        credential: Which one: the id of a key (also of the client's key behind an access token), the digest of a token, issuer and
            subject of an identity with a space between them; "" for a session, which stands for its person.
    """

    caller: Caller
    auth_method: str
    credential: str
