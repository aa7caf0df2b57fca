"""People: how they sign in, and what keeps others from signing in as them.

A password is quick to guess, so it is hashed with argon2id and its failures are counted. A session is a random secret in a cookie
that no script reads; a request that changes something also has to bring a token that no other site can know.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.access.credentials import RegisteredCaller
from gateway.domain.errors import FieldProblem, FieldsInvalid

LOGIN = re.compile(r"[^@\s\x00-\x1f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
FAILURES = 5
"""After so many wrong passwords in a row each further one locks the login, for twice as long each time."""
LONGEST_LOCK = timedelta(hours=1)
INVITATION_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=1)
SESSION_LIFE = timedelta(hours=12)
SESSION_REST = timedelta(hours=2)
"""A session that nobody uses for so long is over."""
TOUCH_AFTER = timedelta(minutes=5)
"""How exactly the last use of a session is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A caller who signs in.

    Attributes:
        login: An e-mail address in lower case, unique on the platform.
        password_hash: In argon2's own form; "" until one is set.
        failures: Wrong passwords in a row.
        locked_until: No password is tried before; None when it is not locked.
    """

    tenant_id: str
    caller_id: str
    login: str
    password_hash: str
    failures: int
    locked_until: datetime | None

    def locked(self, now: datetime) -> bool:
        """Says whether passwords are not even tried."""
        return self.locked_until is not None and now < self.locked_until

    def failed(self, now: datetime) -> "Person":
        """Returns the person after a wrong password: from the fifth on locked for 1, 2, 4 … minutes, an hour at most."""
        failures = self.failures + 1
        beyond = failures - FAILURES
        lock = None if beyond < 0 else now + min(timedelta(minutes=1) * 2 ** min(beyond, 10), LONGEST_LOCK)
        return replace(self, failures=failures, locked_until=lock)

    def succeeded(self) -> "Person":
        """Returns the person after the right password."""
        return replace(self, failures=0, locked_until=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Someone who is signed in.

    Attributes:
        sha256: Of the secret in the cookie.
        owner: Who.
        used_time: The last use, to five minutes.
    """

    sha256: str
    owner: RegisteredCaller
    began_time: datetime
    used_time: datetime

    def in_force(self, now: datetime) -> bool:
        """Says whether it opens anything."""
        return self.owner.active and now < self.ends and now < self.used_time + SESSION_REST

    @property
    def ends(self) -> datetime:
        """When it is over, however much it is used."""
        return self.began_time + SESSION_LIFE


def login_of(text: str) -> str:
    """Returns an e-mail address as it is compared.

    Raises:
        FieldsInvalid: It is none.

    >>> login_of(" Ada@Example.COM ")
    'ada@example.com'
    """
    login = text.strip().lower()
    if len(login) > 254 or LOGIN.fullmatch(login) is None:
        raise FieldsInvalid([FieldProblem("FIELD_INVALID", "login", text[:200], "an e-mail address", "电子邮件地址")])
    return login


def checked_password(password: str, login: str) -> str:
    """Returns a password that is long enough to be one. What it is made of is not asked (NIST SP 800-63B section 5.1.1).

    Raises:
        FieldsInvalid: Too short, too long, the login itself, or one character again and again; it is not repeated.
    """
    name = login.partition("@")[0]
    if (
        not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD
        or len(set(password)) < 5
        or (len(name) > 3 and name in password.lower())
    ):
        allowed = f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, at least 5 different ones, without the login's name"
        allowed_zh = f"{SHORTEST_PASSWORD} 至 {LONGEST_PASSWORD} 个字符,至少 5 种不同字符,且不含登录名"
        raise FieldsInvalid([FieldProblem("FIELD_INVALID", "password", "***", allowed, allowed_zh)])
    return password


def csrf_token(secret: str) -> str:
    """Returns what a page has to send with a change: known to whoever was told by this session's answers, and to no other site.

    >>> csrf_token("a") == csrf_token("a") != csrf_token("b")
    True
    """
    return urlsafe_b64encode(hmac.new(secret.encode(), b"parkcarbon csrf", hashlib.sha256).digest()).rstrip(b"=").decode()
