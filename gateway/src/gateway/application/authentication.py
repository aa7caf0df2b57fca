"""Whose request it is, and who may ask."""

from collections.abc import Sequence

from gateway.application.ports import TokenStore, UnitsOfWork
from gateway.domain.callers import Caller
from gateway.domain.errors import TokenRefused
from gateway.domain.tokens import Grant, digest, token_of


async def authenticate(tokens: TokenStore, authorization: str | None) -> Caller:
    """Returns the caller of a request by its Authorization header.

    Raises:
        TokenRefused: No token, a malformed one, or one that is not in force.
    """
    caller = await tokens.find(digest(token_of(authorization)))
    if caller is None:
        raise TokenRefused("TOKEN_UNKNOWN")
    return caller


async def grant_tokens(units: UnitsOfWork, grants: Sequence[Grant]) -> None:
    """Sees to it that every grant is in force as given. Grants that are not named stay as they are."""
    async with units() as unit:
        for grant in grants:
            await unit.tokens.put(grant)
        await unit.commit()
