"""E-mail to people: into a folder of this machine, or by SMTP."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from copy import deepcopy
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol

from chassis.logs import Logger

_SMTP_SECONDS = 20.0


class MailTransport(Protocol):
    """Delivers a message; may take its time, and raises OSError or SMTPException when it cannot."""

    def __call__(self, message: EmailMessage) -> None:
        """Takes it away."""
        ...


class FolderTransport:
    """Writes messages into a folder, for whoever runs the platform without a mail server. Only the owner may read them."""

    def __init__(self, folder: Path, new_id: Callable[[], str]) -> None:
        """Stores where, and what names the files."""
        self._folder = folder
        self._new_id = new_id

    def __call__(self, message: EmailMessage) -> None:
        """Writes the message to a file of its own."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{self._new_id()}"
        draft.touch(mode=0o600)
        # Somebody opens the file to read it, and base64 is for mail servers that take ASCII only.
        readable = deepcopy(message)
        readable.set_content(message.get_content(), cte="8bit")
        draft.write_bytes(readable.as_bytes(policy=SMTP))
        draft.replace(draft.with_name(f"{draft.name[1:]}.eml"))


class SmtpTransport:
    """Sends messages through a mail server, over TLS unless `encrypt` is False."""

    def __init__(self, host: str, port: int, *, user: str, password: str, encrypt: bool) -> None:
        """Stores where and as whom.

        Args:
            host: Of the server.
            port: 465 speaks TLS from the start; any other changes to it (STARTTLS).
            user: "" to send without logging in.
            password: Of the user.
            encrypt: False only for a server on the same machine.
        """
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._encrypt = encrypt

    def __call__(self, message: EmailMessage) -> None:
        """Sends the message."""
        context = ssl.create_default_context()
        if self._encrypt and self._port == smtplib.SMTP_SSL_PORT:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=_SMTP_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_SMTP_SECONDS)
        with server:
            if self._encrypt and self._port != smtplib.SMTP_SSL_PORT:
                server.starttls(context=context)
            if self._user:
                server.login(self._user, self._password)
            server.send_message(message)


class Mailer:
    """A Mail that sends in threads, so that how long it takes tells nobody whether there was anything to send."""

    def __init__(self, transport: MailTransport | None, *, sender: str, logger: Logger) -> None:
        """Stores the parts.

        Args:
            transport: Delivers messages; None when no mail is set up, which is logged for each message.
            sender: The address that messages come from.
            logger: For what could not be sent; never holds a message's text.
        """
        self._transport = transport
        self._sender = sender
        self._logger = logger
        self._under_way: set[asyncio.Task[None]] = set()

    def send(self, to: str, subject: str, text: str) -> None:
        """Sends a message in the background; that it could not be sent is logged, and the caller does not learn of it."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, subject
        message.set_content(text)
        task = asyncio.create_task(self._send(message), name="mail")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def stop(self) -> None:
        """Waits for the messages under way."""
        await asyncio.gather(*self._under_way)

    async def _send(self, message: EmailMessage) -> None:
        if self._transport is None:
            self._logger.warning("a message is not sent: no mail is set up (GATEWAY_MAIL__FOLDER or GATEWAY_MAIL__SMTP_HOST)")
            return
        try:
            await asyncio.to_thread(self._transport, message)
        except (OSError, smtplib.SMTPException) as error:
            self._logger.error("a message is not sent", error=type(error).__name__)
