"""Who may call, and with what: registered callers, their keys, and what a key is made of.

Secrets are random and of 256 bits, so that a fast hash keeps them: nobody can guess one however fast the guesses are.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from gateway.domain.callers import NEEDED_BOUND, Action, Caller, Role
from gateway.domain.errors import FieldProblem, FieldsInvalid

KEY_ID = re.compile(r"pck_[a-z2-7]{16}", re.ASCII)
_KEY = re.compile(r"(pck_[a-z2-7]{16})\.([A-Za-z0-9_-]{43})", re.ASCII)
REGION = re.compile(r"[0-9]{2,6}", re.ASCII)

DEFAULT_KEY_LIFE = timedelta(days=365)
LONGEST_KEY_LIFE = timedelta(days=730)
ROTATION_OVERLAP = timedelta(hours=24)
"""How long a rotated key still works, so that programs can be told of the new one."""


class KeyKind(StrEnum):
    """What a key is good for. Each is good for one kind of request only, so that a stolen one is worth the least."""

    API = "api"
    """Sent with each request, as `<key id>.<secret>`."""
    CLIENT = "client"
    """Client id and secret of OAuth2, to be exchanged for access tokens."""
    SIGNING = "signing"
    """Never sent: each request is signed with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCaller:
    """Someone who may call: a person or a program, in one tenant.

    Attributes:
        caller_id: Unique in its tenant.
        issuer: The OIDC issuer whose tokens stand for this caller, "" for none.
        external_subject: What that issuer calls it.
        active: False keeps it out, with everything that it holds.
    """

    tenant_id: str
    caller_id: str
    name: str
    roles: frozenset[Role]
    parks: frozenset[str] | None
    regions: frozenset[str] | None
    enterprises: frozenset[str] | None
    issuer: str
    external_subject: str
    active: bool
    registered_time: datetime

    def caller(self, scopes: frozenset[Action] | None = None) -> Caller:
        """Returns whom a request is from that a credential of this caller came with."""
        return Caller(self.caller_id, self.tenant_id, self.roles, scopes, self.parks, self.regions, self.enterprises)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of a key; its secret is not.

    Attributes:
        scopes: What it is good for; None for all that the roles of its caller allow.
        revoked_time: When it was withdrawn, None while it is not.
        replaced_by: The key in whose favour it was rotated, "" for none.
    """

    key_id: str
    tenant_id: str
    caller_id: str
    kind: KeyKind
    name: str
    scopes: frozenset[Action] | None
    created_time: datetime
    expires_time: datetime
    revoked_time: datetime | None
    replaced_by: str = ""

    def in_force(self, now: datetime) -> bool:
        """Says whether it opens anything."""
        return self.revoked_time is None and now < self.expires_time


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key with what its secret is checked by, and its caller.

    Attributes:
        proof: Lower-case hexadecimal SHA-256 of the secret; for a signing key the secret itself, encrypted.
        owner: Whose it is.
    """

    key: Key
    proof: str
    owner: RegisteredCaller

    def caller(self, kind: KeyKind, now: datetime) -> Caller | None:
        """Returns whom the key stands for; None when it opens nothing of this kind."""
        opens = self.key.kind is kind and self.key.in_force(now) and self.owner.active
        return self.owner.caller(self.key.scopes) if opens else None

    def proves(self, secret: str) -> bool:
        """Says, in the same time for every wrong one, whether a secret is the key's."""
        return compare_digest(sha256(secret.encode()).hexdigest(), self.proof)


def parts_of_key(text: str) -> tuple[str, str] | None:
    """Returns id and secret of an API key; None for what is none.

    >>> parts_of_key("pck_abcdefghijklmnop." + "A" * 43)
    ('pck_abcdefghijklmnop', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
    >>> parts_of_key("abc") is None
    True
    """
    match = _KEY.fullmatch(text)
    return (match[1], match[2]) if match else None


def checked_caller(caller: RegisteredCaller) -> RegisteredCaller:
    """Returns the caller when its roles have the bounds that they need.

    Raises:
        FieldsInvalid: Names each bound that is missing, not allowed or not of its form.
    """
    problems: list[FieldProblem] = []
    if not caller.roles:
        problems.append(FieldProblem("FIELD_INVALID", "roles", "[]", "at least one role", "至少一个角色"))
    for role, bound in NEEDED_BOUND.items():
        if role in caller.roles and not getattr(caller, bound):
            problems.append(FieldProblem("FIELD_INVALID", bound, "-", f"given for the role {role}", f"角色 {role} 必须给出的范围"))
    if Role.PLATFORM_OPERATOR in caller.roles:
        for bound in ("parks", "regions", "enterprises"):
            if getattr(caller, bound) is not None:
                allowed, allowed_zh = "left out for a platform_operator, whom nothing bounds", "空:platform_operator 不受范围限制"
                problems.append(FieldProblem("FIELD_INVALID", bound, "a list", allowed, allowed_zh))
    for region in sorted(caller.regions or ()):
        if REGION.fullmatch(region) is None:
            allowed, allowed_zh = "2 to 6 digits of GB/T 2260, such as 3607", "GB/T 2260 代码的前 2 至 6 位,如 3607"
            problems.append(FieldProblem("FIELD_INVALID", "regions", region, allowed, allowed_zh))
    if bool(caller.issuer) != bool(caller.external_subject):
        missing = "external_subject" if caller.issuer else "issuer"
        problems.append(FieldProblem("FIELD_MISSING", missing, "", "a value", "一个值"))
    if problems:
        raise FieldsInvalid(problems)
    return caller


def narrowed(requested: Collection[Action] | None, held: frozenset[Action] | None) -> frozenset[Action] | None:
    """Returns the scopes of a new credential that someone asks for who holds one with scopes; None is all.

    Raises:
        FieldsInvalid: More is asked for than is held.
    """
    if requested is None:
        return held
    beyond = frozenset(requested) - held if held is not None else frozenset[Action]()
    if beyond:
        allowed = ", ".join(sorted(held or ()))
        raise FieldsInvalid(
            [FieldProblem("FIELD_INVALID", "scopes", " ".join(sorted(beyond)), f"of {allowed}", f"以下之内:{allowed}")]
        )
    return frozenset(requested)


def key_end(requested: datetime | None, now: datetime) -> datetime:
    """Returns when a new key ends: in a year, unless something else is asked for.

    Raises:
        FieldsInvalid: The end has passed, or is more than two years away.
    """
    if requested is None:
        return now + DEFAULT_KEY_LIFE
    if not now < requested <= now + LONGEST_KEY_LIFE:
        days = LONGEST_KEY_LIFE.days
        allowed, allowed_zh = f"later than now and within {days} days", f"晚于当前时间且在 {days} 天以内"
        raise FieldsInvalid([FieldProblem("FIELD_INVALID", "expires_time", requested.isoformat(), allowed, allowed_zh)])
    return requested


def rotated(old: Key, key_id: str, now: datetime) -> tuple[Key, Key]:
    """Returns what a key becomes when another takes its place, and that other one: the same for as long again.

    The old one works for `ROTATION_OVERLAP` more, or until its own end if that comes first.
    """
    ending = replace(old, expires_time=min(old.expires_time, now + ROTATION_OVERLAP), replaced_by=key_id)
    life = old.expires_time - old.created_time
    return ending, replace(old, key_id=key_id, created_time=now, expires_time=now + life, replaced_by="")


SCOPE_OFFLINE = "offline_access"
"""Asks for a refresh token; opens nothing itself."""


def scopes_of(text: str) -> tuple[frozenset[Action] | None, bool] | None:
    """Reads a scope parameter (RFC 6749 section 3.3).

    Returns:
        The actions that are asked for, None for all, and whether a refresh token is; None for a scope that there is not.

    >>> scopes_of("read offline_access") == (frozenset({Action.READ}), True)
    True
    >>> scopes_of(""), scopes_of("everything")
    ((None, False), None)
    """
    names = set(text.split())
    offline = SCOPE_OFFLINE in names
    names.discard(SCOPE_OFFLINE)
    known: Mapping[str, Action] = {action.value: action for action in Action}
    if not names <= known.keys():
        return None
    return (frozenset(known[name] for name in names) if names else None), offline
