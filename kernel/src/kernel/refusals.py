"""Why a request is refused: the base of every error that a caller is told, and the errors that every service has.

    Refusal
    ├── InvalidField        a field breaks its rule: field, found, allowed
    ├── NotFound
    │   └── ParkNotFound    also when the park belongs to another tenant, or lies outside of the caller's bounds
    ├── ContentDiffers      the same id was stored before with other content
    ├── Denied              none of the caller's roles allows it
    └── OutOfScope          a role does, and the credential was given less

A refusal carries a kind, a stable reason and its facts; its sentences, one in English and one in Chinese, are made from them. The
Chinese one names what was found before what is allowed, because the wire cuts long facts: a list of what is allowed may lose its
end, the finding may not. What else a service refuses is a class of its own in its domain. `chassis.errors` has the one table from
kinds to what goes over the wire; an exception that is no refusal is a bug, and callers are told no more than that.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

MAX_SHOWN_CHARACTERS = 80


class Kind(StrEnum):
    """What sort of failure a refusal is; every service uses the same eight."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    CONFLICT = "conflict"
    DENIED = "denied"
    UNAUTHENTICATED = "unauthenticated"
    EXHAUSTED = "exhausted"
    UNAVAILABLE = "unavailable"


def shown(text: str) -> str:
    """Returns a value as sentences show it: at most 80 characters and a mark, so that no answer echoes a large input.

    >>> len(shown("9" * 1000)), shown("9" * 80) == "9" * 80
    (81, True)
    """
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "…"


class Refusal(Exception):
    """Base of what a caller is told.

    Args:
        sentence: What happened, in English; also `str()` of the refusal.
        sentence_zh: The same in Chinese; "" where the caller is a program of our own.
        facts: What was found and what was allowed, by name.

    Attributes:
        kind: One of `Kind`; the gateway adds some of HTTP.
        reason: UPPER_SNAKE, stable, for programs.
    """

    kind: str = Kind.INVALID
    reason: str

    def __init__(self, sentence: str, sentence_zh: str = "", /, **facts: str) -> None:
        self._facts = {**facts, "message_zh": sentence_zh} if sentence_zh else facts
        super().__init__(sentence)

    def facts(self) -> Mapping[str, str]:
        """Returns what was found and what was allowed, by name; `message_zh` is the sentence in Chinese."""
        return self._facts

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets a refusal come back from another process, whatever the arguments of its class are."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind_of_refusal: type[Refusal], args: tuple[Any, ...], attributes: Mapping[str, Any]) -> Refusal:
    refusal = kind_of_refusal.__new__(kind_of_refusal)
    refusal.args = args
    refusal.__dict__.update(attributes)
    return refusal


class InvalidField(Refusal):
    """A field breaks its rule.

    Args:
        field: its name on the wire.
        found: what it holds; 80 characters of it are repeated.
        allowed: the rule in words, to follow "must be".
        allowed_zh: the same in Chinese, to follow 应为.
    """

    reason = "INVALID_FIELD"

    def __init__(self, field: str, found: str, allowed: str, allowed_zh: str) -> None:
        found = shown(found)
        super().__init__(
            f"{field} must be {allowed}, got {found!r}",
            f"{field} 的值 {found!r} 无效,应为{' ' if allowed_zh[0].isascii() else ''}{allowed_zh}",
            field=field,
            found=found,
            allowed=allowed,
            allowed_zh=allowed_zh,
        )


class NotFound(Refusal):
    """Something that the request names does not exist for this caller."""

    kind = Kind.NOT_FOUND
    reason = "NOT_FOUND"


class ParkNotFound(NotFound):
    """No such park in the caller's tenant and bounds."""

    reason = "PARK_NOT_FOUND"

    def __init__(self, park_id: str) -> None:
        found = shown(park_id)
        super().__init__(f"park {found!r} does not exist", f"园区 {found!r} 不存在", park_id=found)


class ContentDiffers(Refusal):
    """The same id was stored before with other content; what is stored is never changed in place."""

    kind = Kind.ALREADY_EXISTS
    reason = "CONTENT_DIFFERS"


class Denied(Refusal):
    """None of the caller's roles allows this.

    Args:
        roles: what the caller has.
        needed: one of which would do.
    """

    kind = Kind.DENIED
    reason = "ROLE_MISSING"

    def __init__(self, roles: Collection[str], needed: Collection[str]) -> None:
        found, allowed = ", ".join(sorted(roles)), ", ".join(sorted(needed))
        super().__init__(
            f"this needs one of the roles {allowed}, the caller has {found or 'none'}",
            f"需要以下角色之一:{allowed};当前角色:{found or '无'}",
            found=found,
            allowed=allowed,
        )


class OutOfScope(Refusal):
    """The caller's roles would do, and its credential was not given the scope.

    Args:
        scopes: what the credential has.
        needed: the one that is missing.
    """

    kind = Kind.DENIED
    reason = "SCOPE_MISSING"

    def __init__(self, scopes: Collection[str], needed: str) -> None:
        found = " ".join(sorted(scopes))
        super().__init__(
            f"this needs the scope {needed}, the credential has {found or 'none'}",
            f"需要权限范围 {needed};当前凭证的范围:{found or '无'}",
            found=found,
            allowed=needed,
        )
