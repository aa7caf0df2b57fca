"""What the gateway refuses, and why.

GatewayError
├── TokenRefused            unauthenticated   no token, a malformed one, an unknown one; an invalid signature
├── SignInRefused           unauthenticated   a password or a code, whatever is wrong with it
├── CsrfRefused             denied            a change by a session without its token
├── GrantRefused            as RFC 6749 says  the token endpoint; carries its error code
├── RoleMissing             denied            the caller's roles do not allow the action
├── ScopeMissing            denied            its roles do, the credential did not ask for it
├── BoundToEnterprises      denied            it asks for what is told of whole parks, and sees parts only
├── AuthorityLapsed         denied            whoever began what goes on later may not any more
├── CallerUnknown, KeyUnknown   not_found
├── IdentityTaken           already_exists    of two callers with one identity at an OIDC issuer
├── PathUnknown             not_found
├── ParkOutOfReach          not_found         a park outside of the caller's bounds
├── MethodNotAllowed        method_not_allowed
├── MalformedBody           malformed         JSON that no reader should accept: NaN, a member twice, too deep, cut off
├── NothingReadable         invalid           a file of rows of which not one row could be read
├── FieldsInvalid           invalid           a small body with wrong members; carries every one of them
├── ParameterInvalid        invalid           a query parameter
├── TooLarge                too_large         bytes or rows
├── TooSlow                 timeout
├── Unsupported             unsupported       media type, charset, content encoding
├── Busy                    exhausted         the memory for uploads is taken
├── ServiceRefused          as the service said; keeps its reason, sentence and facts
├── PushInterrupted         unavailable       some batches of a file were handled, the others were not
└── Unavailable             unavailable       something behind the gateway does not answer

An error keeps its facts and makes its sentence from them by the table in `wording`. Its kind says what sort of refusal it is; which
status code that becomes is the affair of `api`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.domain import messages
from gateway.domain.messages import Language
from kernel.refusals import Refusal


class GatewayError(Refusal):
    """A refusal with a kind, a stable reason and facts.

    Args:
        reason: UPPER_SNAKE, a key of `wording.REASONS`.
        facts: What was found, what was allowed; values are cut to 200 characters.

    Attributes:
        rows_handled: Rows of an upload whose outcome was reached before the refusal came; they stay as they are.
    """

    kind = "internal"
    rows_handled: int | None = None

    def __init__(self, reason: str, /, **facts: str) -> None:
        self.reason = reason
        self._facts = {name: messages.shortened(value) for name, value in facts.items()}
        super().__init__(self.sentence("en"), **self._facts)

    def facts(self, language: Language = "en") -> Mapping[str, str]:  # noqa: ARG002 - most facts are the same in both
        """Returns the facts that the sentence is made from; a rule in words is in the language."""
        return self._facts

    def sentence(self, language: Language) -> str:
        """Returns what happened, in words."""
        return messages.sentence(self.reason, language, self._facts)

    def title(self, language: Language) -> str:
        """Returns the name of this sort of error."""
        return messages.title(self.reason, self.kind, language)


class TokenRefused(GatewayError):
    """The caller is not known: a TOKEN_ or SIGNATURE_ reason, or CREDENTIALS_AMBIGUOUS."""

    kind = "unauthenticated"


class SignInRefused(GatewayError):
    """SIGN_IN_REFUSED, whatever was wrong, or CODE_REFUSED."""

    kind = "unauthenticated"


class CsrfRefused(GatewayError):
    """A change came by a session's cookie and without its token, as from another site's page."""

    kind = "denied"

    def __init__(self) -> None:
        super().__init__("CSRF_TOKEN_WRONG")


class GrantRefused(GatewayError):
    """The token endpoint gives nothing.

    Args:
        code: Of RFC 6749 section 5.2, such as invalid_client.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.kind = "unauthenticated" if code == "invalid_client" else "malformed"
        super().__init__(f"OAUTH_{code.upper()}")


class CallerUnknown(GatewayError):
    """No such caller is registered in the tenant."""

    kind = "not_found"

    def __init__(self, caller_id: str) -> None:
        super().__init__("CALLER_NOT_FOUND", caller_id=caller_id)


class KeyUnknown(GatewayError):
    """No such key, or none that this caller may see."""

    kind = "not_found"

    def __init__(self, key_id: str) -> None:
        super().__init__("KEY_NOT_FOUND", key_id=key_id)


class IdentityTaken(GatewayError):
    """Another caller of the platform has this identity at the issuer."""

    kind = "already_exists"

    def __init__(self, subject: str) -> None:
        super().__init__("IDENTITY_TAKEN", found=subject)


class RoleMissing(GatewayError):
    """The caller is known and may not do this."""

    kind = "denied"

    def __init__(self, *, action: str, found: Sequence[str], allowed: Sequence[str]) -> None:
        super().__init__("ROLE_MISSING", action=action, found=", ".join(found) or "-", allowed=", ".join(allowed))


class ScopeMissing(GatewayError):
    """The caller's roles would do, and its credential was given less."""

    kind = "denied"

    def __init__(self, *, found: Sequence[str], allowed: str) -> None:
        super().__init__("SCOPE_MISSING", found=" ".join(found) or "-", allowed=allowed)


class BoundToEnterprises(GatewayError):
    """The caller asks for facts of whole parks, and its bounds leave parts of parks only.

    Args:
        found: The enterprises that it is bound to.
    """

    kind = "denied"

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__("BOUND_TO_ENTERPRISES", found=", ".join(found) or "-")


class AuthorityLapsed(GatewayError):
    """Whoever began what goes on later, such as a webhook, may not any more.

    CALLER_INACTIVE, CREDENTIAL_WITHDRAWN or NOTHING_IN_REACH.

    Args:
        found: The caller.
    """

    kind = "denied"

    def __init__(self, reason: str, found: str) -> None:
        super().__init__(reason, found=found)


class ParkOutOfReach(GatewayError):
    """The park lies outside of the caller's bounds; said as accounting says it of a park that does not exist."""

    kind = "not_found"

    def __init__(self, park_id: str) -> None:
        super().__init__("PARK_NOT_FOUND", park_id=park_id)


class PathUnknown(GatewayError):
    """Nothing is served at this address."""

    kind = "not_found"

    def __init__(self) -> None:
        super().__init__("PATH_UNKNOWN")


class CursorExpired(GatewayError):
    """The feed begins after the cursor: changes between them are no longer kept.

    Args:
        found: The cursor.
        oldest: The position of the oldest change that is kept.
    """

    kind = "gone"

    def __init__(self, found: str, oldest: int) -> None:
        self.oldest = oldest
        super().__init__("CURSOR_EXPIRED", found=found, allowed=str(oldest - 1))


class MethodNotAllowed(GatewayError):
    """The address exists, the method does not."""

    kind = "method_not_allowed"

    def __init__(self, *, found: str, allowed: str) -> None:
        super().__init__("METHOD_NOT_ALLOWED", found=found, allowed=allowed)


class MalformedBody(GatewayError):
    """The body is not JSON as RFC 8259 means it, or not gzip.

    BODY_NOT_JSON, NUMBER_NOT_FINITE, JSON_TOO_DEEP, FIELD_DUPLICATE, CLIENT_GONE or GZIP_BROKEN.
    """

    kind = "malformed"


class NothingReadable(GatewayError):
    """No row of the file can be read.

    BODY_EMPTY, BODY_NOT_JSON, BODY_NOT_ROWS, TEXT_NOT_DECODABLE, a HEADER_ reason, FILE_NOT_READABLE, CELLS_MERGED or
    COLUMN_TYPE.
    """

    kind = "invalid"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong member of a small body.

    Attributes:
        reason: A FIELD_ key of `wording.REASONS`.
        field: The member's name, with dots into objects.
        found: What it holds, at most 200 characters.
        allowed: What it may hold.
        allowed_zh: The same in Chinese, where it is words.
    """

    reason: str
    field: str
    found: str
    allowed: str
    allowed_zh: str = ""

    def facts(self, language: Language) -> Mapping[str, str]:
        """Returns what the sentence is made from."""
        allowed = self.allowed_zh if language == "zh" and self.allowed_zh else self.allowed
        return {"field": self.field, "found": self.found, "allowed": allowed}

    def sentence(self, language: Language) -> str:
        """Returns what is wrong, in words."""
        return messages.sentence(self.reason, language, self.facts(language))


class FieldsInvalid(GatewayError):
    """Members of a small body, a path or a query are wrong; every one of them is named."""

    kind = "invalid"

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("FIELDS_INVALID", count=str(len(problems)), first="")

    def sentence(self, language: Language) -> str:
        """Returns how many members are wrong, and the first."""
        facts = {"count": str(len(self.problems)), "first": self.problems[0].sentence(language)}
        return messages.sentence(self.reason, language, facts)

    def facts(self, language: Language = "en") -> Mapping[str, str]:
        """Returns the first problem's facts; the others are in `problems`."""
        return self.problems[0].facts(language)


class ParameterInvalid(FieldsInvalid):
    """One query parameter is wrong in a way that its type does not say, such as a month 13."""

    def __init__(self, *, field: str, found: str, allowed: str, allowed_zh: str) -> None:
        super().__init__([FieldProblem("FIELD_INVALID", field, messages.shortened(found), allowed, allowed_zh)])


class TooLarge(GatewayError):
    """BODY_TOO_LARGE (bytes), TOO_MANY_ROWS, ROW_TOO_LONG (bytes), UNPACKS_TOO_FAR or FILE_TOO_COSTLY."""

    kind = "too_large"

    def __init__(self, reason: str, *, allowed: int | str) -> None:
        super().__init__(reason, allowed=str(allowed))


class TooSlow(GatewayError):
    """The body did not arrive in time."""

    kind = "timeout"

    def __init__(self, *, allowed_s: float) -> None:
        super().__init__("BODY_TOO_SLOW", allowed=f"{allowed_s:g}")


class Unsupported(GatewayError):
    """MEDIA_TYPE_UNSUPPORTED, CHARSET_UNSUPPORTED or CONTENT_ENCODING_UNSUPPORTED."""

    kind = "unsupported"


class Busy(GatewayError):
    """Uploads under way have taken the memory set aside for them."""

    kind = "exhausted"

    def __init__(self) -> None:
        super().__init__("SERVER_BUSY")


class Unavailable(GatewayError):
    """ACCOUNTING_UNAVAILABLE, EVALUATION_UNAVAILABLE, DATABASE_UNAVAILABLE or ISSUER_UNAVAILABLE."""

    kind = "unavailable"


_IN_CHINESE = frozenset({"message_zh", "allowed_zh"})


class ServiceRefused(GatewayError):
    """A service refused; its reason, sentence and facts are kept.

    Args:
        kind: The service's kind, as the chassis names them.
        reason: The service's reason.
        message: Its sentence, in English.
        metadata: Its facts; `message_zh` is its sentence and `allowed_zh` its rule in Chinese, where it gives them.
    """

    def __init__(self, kind: str, reason: str, message: str, metadata: Mapping[str, str]) -> None:
        self.kind = kind
        self._sentences = {"en": message, "zh": metadata.get("message_zh") or message}
        self._allowed_zh = metadata.get("allowed_zh", "")
        super().__init__(reason, **{name: value for name, value in metadata.items() if name not in _IN_CHINESE})

    def sentence(self, language: Language) -> str:
        """Returns the service's sentence, in Chinese where it gave one."""
        return self._sentences[language]

    def facts(self, language: Language = "en") -> Mapping[str, str]:
        """Returns the service's facts, with its rule in Chinese where it gave one."""
        facts = super().facts(language)
        return {**facts, "allowed": self._allowed_zh} if language == "zh" and self._allowed_zh else facts


class PushInterrupted(GatewayError):
    """Accounting failed between two batches of one file.

    Args:
        rows_handled: Rows whose result was reached before; they stay as they are.
        rows: Rows of the file, so far as it was read.
    """

    kind = "unavailable"

    def __init__(self, *, rows_handled: int, rows: int) -> None:
        super().__init__("PUSH_INTERRUPTED", rows_handled=str(rows_handled), rows=str(rows))
        self.rows_handled = rows_handled
        self.rows = rows
