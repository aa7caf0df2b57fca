"""The cookies of people, which no script reads: who is signed in, and what comes back from another identity provider."""

from http.cookies import CookieError, SimpleCookie

from starlette.responses import Response

from gateway.domain.access.people import SESSION_LIFE

# A browser takes a name with this beginning from the host itself only, over TLS, for all of its paths.
_HOST = "__Host-"
SESSION = "parkcarbon-session"
LOGIN_STATE = "parkcarbon-sign-in"
_LOGIN_STATE_SECONDS = 600


def session_secret(cookies: str) -> str:
    """Returns the secret of the session's cookie, "" for none."""
    return read(cookies, SESSION)


def read(cookies: str, name: str) -> str:
    """Returns a cookie of ours out of a Cookie header; the one that only TLS can have set comes first."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(cookies[:8192])
    except CookieError:
        return ""
    found = jar.get(_HOST + name) or jar.get(name)
    return found.value if found is not None else ""


def set_session(response: Response, secret: str, *, secure: bool) -> None:
    """Sets the cookie of a session."""
    _set(response, SESSION, secret, int(SESSION_LIFE.total_seconds()), secure=secure)


def set_login_state(response: Response, ticket: str, *, secure: bool) -> None:
    """Sets the cookie that a browser brings back from another identity provider."""
    _set(response, LOGIN_STATE, ticket, _LOGIN_STATE_SECONDS, secure=secure)


def forget(response: Response, name: str, *, secure: bool) -> None:
    """Takes a cookie of ours away."""
    _set(response, name, "", 0, secure=secure)


def _set(response: Response, name: str, value: str, seconds: int, *, secure: bool) -> None:
    # Lax and not Strict: who comes back from an identity provider, or follows a link, is signed in all the same. What changes
    # something needs the token of the session as well.
    response.set_cookie(
        (_HOST if secure else "") + name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )
