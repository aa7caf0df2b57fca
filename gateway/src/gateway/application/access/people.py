"""Signing in and out, invitations, and passwords."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.application.access.ports import Mail, Passwords, PeopleRegister, SecretGenerator, Ticket
from gateway.application.ports import Clock, UnitsOfWork
from gateway.domain.access.credentials import RegisteredCaller
from gateway.domain.access.people import (
    INVITATION_LIFE,
    RESET_LIFE,
    TOUCH_AFTER,
    Person,
    Session,
    checked_password,
    csrf_token,
    login_of,
)
from gateway.domain.access.tokens import digest
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import CallerUnknown, CsrfRefused, FieldsInvalid, SignInRefused, TokenRefused


@dataclass(frozen=True, slots=True)
class SignInServices:
    """What signing people in and out needs."""

    units: UnitsOfWork
    secret_generator: SecretGenerator
    passwords: Passwords
    mail: Mail
    clock: Clock


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Someone who has just signed in.

    Attributes:
        secret: For the cookie, and nowhere else.
    """

    secret: str
    session: Session


async def invite_caller(services: SignInServices, caller: Caller, caller_id: str, login: str) -> Person:
    """Lets a registered caller sign in with a password, and sends the code that sets it.

    Raises:
        RoleMissing, ScopeMissing: The asker may not.
        CallerUnknown: Nobody of this id is registered.
        IdentityTaken: The login is another caller's.
    """
    caller.must(Action.MANAGE_CALLERS)
    login = login_of(login)
    code, now = services.secret_generator.secret(), services.clock.now()
    async with services.units() as unit:
        if await unit.access.caller(caller.tenant, caller_id) is None:
            raise CallerUnknown(caller_id)
        known = await unit.people.person(caller.tenant, caller_id)
        person = Person(
            tenant_id=caller.tenant,
            caller_id=caller_id,
            login=login,
            password_hash=known.password_hash if known else "",
            failures=0,
            locked_until=None,
        )
        await unit.people.put_person(person)
        await unit.people.add_ticket(Ticket(digest(code), caller.tenant, caller_id, now + INVITATION_LIFE))
        await unit.commit()
    services.mail.send(login, "ParkCarbon 邀请 / invitation", _message_text(code, INVITATION_LIFE.days * 24))
    return person


async def request_password_reset(services: SignInServices, login: str) -> None:
    """Sends a code that sets a new password, if somebody has this login; nobody is told whether."""
    login = login_of(login)
    code, now = services.secret_generator.secret(), services.clock.now()
    async with services.units() as unit:
        person = await unit.people.person_of(login)
        if person is None:
            return
        await unit.people.add_ticket(Ticket(digest(code), person.tenant_id, person.caller_id, now + RESET_LIFE))
        await unit.commit()
    services.mail.send(login, "ParkCarbon 重置密码 / new password", _message_text(code, 1))


async def set_password(services: SignInServices, code: str, password: str) -> None:
    """Sets a password by a code that was sent, and ends every session of the person.

    Raises:
        SignInRefused: The code is unknown, was used, or has expired.
        FieldsInvalid: The password is too easy; the code stays good.
    """
    now = services.clock.now()
    async with services.units() as unit:
        ticket = await unit.people.take_ticket(digest(code)) if code.isascii() else None
        person = await unit.people.person(ticket.tenant_id, ticket.caller_id) if ticket else None
        if ticket is None or person is None or now >= ticket.expires_time:
            raise SignInRefused("CODE_REFUSED")
        hashed = await services.passwords.hash(checked_password(password, person.login))
        await unit.people.put_person(replace(person.succeeded(), password_hash=hashed))
        await unit.people.end_sessions(person.tenant_id, person.caller_id)
        await unit.commit()


async def sign_in(services: SignInServices, login: str, password: str) -> SignedIn:
    """Begins a session for a login and its password.

    A wrong password, an unknown login, a locked one and an inactive caller are refused alike and in the same time.

    Raises:
        SignInRefused: For any of these.
    """
    now = services.clock.now()
    try:
        login = login_of(login)
    except FieldsInvalid:
        login = ""
    async with services.units() as unit:
        person = await unit.people.person_of(login)
    usable = person is not None and not person.locked(now) and len(password) <= 1024
    # The hash is computed outside of a transaction: it takes longer than anyone should hold the database.
    fits = await services.passwords.fits(password, person.password_hash if person is not None and usable else "")
    async with services.units() as unit:
        person = await unit.people.person_of(login)
        owner = await unit.access.caller(person.tenant_id, person.caller_id) if person else None
        if person is None or not usable or person.locked(now) or not fits or owner is None or not owner.active:
            if person is not None and usable and not fits:
                await unit.people.put_person(person.failed(now))
                await unit.commit()
            raise SignInRefused("SIGN_IN_REFUSED")
        if person.failures:
            await unit.people.put_person(person.succeeded())
        signed_in = await _begin(services, unit.people, owner, now)
        await unit.commit()
    return signed_in


async def sign_in_as(services: SignInServices, owner: RegisteredCaller) -> SignedIn:
    """Begins a session for a caller whom an identity provider has vouched for."""
    async with services.units() as unit:
        signed_in = await _begin(services, unit.people, owner, services.clock.now())
        await unit.commit()
    return signed_in


async def sign_out(services: SignInServices, secret: str) -> None:
    """Ends a session; one that has ended already changes nothing."""
    async with services.units() as unit:
        session = await unit.people.session(digest(secret))
        if session is not None:
            await unit.people.end_sessions(session.owner.tenant_id, session.owner.caller_id, [session.sha256])
            await unit.commit()


async def session_of(services: SignInServices, secret: str) -> Session:
    """Returns the session of a cookie that is in force.

    Raises:
        TokenRefused: SESSION_OVER.
    """
    now = services.clock.now()
    async with services.units() as unit:
        session = await unit.people.session(digest(secret)) if secret.isascii() else None
        if session is None or not session.in_force(now):
            raise TokenRefused("SESSION_OVER")
        if now - session.used_time >= TOUCH_AFTER:
            await unit.people.touch_session(session.sha256, now)
            await unit.commit()
    return session


def check_csrf(secret: str, offered: str) -> None:
    """Passes when a change comes with the token of its session.

    Raises:
        CsrfRefused: It does not.
    """
    if not hmac.compare_digest(csrf_token(secret).encode(), offered.encode()):
        raise CsrfRefused


async def _begin(services: SignInServices, people: PeopleRegister, owner: RegisteredCaller, now: datetime) -> SignedIn:
    secret = services.secret_generator.secret()
    session = Session(sha256=digest(secret), owner=owner, began_time=now, used_time=now)
    await people.begin_session(session.sha256, owner.tenant_id, owner.caller_id, now)
    return SignedIn(secret, session)


def _message_text(code: str, hours: int) -> str:
    return (
        f"请在登录页面输入以下代码以设置密码({hours} 小时内有效):\n\n    {code}\n\n如果您没有请求,请忽略本邮件。\n\n"
        f"Enter this code on the page for signing in to set your password (within {hours} h):\n\n    {code}\n\n"
        "If you did not ask for it, ignore this message.\n"
    )
