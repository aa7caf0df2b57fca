"""The text of bodies: its encoding, and how pieces of it stand in messages."""

import codecs
import json

from gateway.domain import messages
from gateway.domain.errors import NothingReadable

UTF_8 = "utf-8-sig"
"""UTF-8, with or without a byte order mark."""
BOM = b"\xef\xbb\xbf"


class JsonNumber(str):
    """A JSON number as it was written: no digit is lost on the way into a message."""

    __slots__ = ()


def quoted(value: object) -> str:
    """Returns a JSON value for a message: short, and without anything that could not be sent."""
    match value:
        case JsonNumber():
            return messages.shortened(str(value))
        case str():
            return messages.shortened(json.dumps(value[: messages.FOUND_CHARACTERS], ensure_ascii=not is_clean(value)))
        case dict():
            return "an object"
        case list():
            return "an array"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
    return type(value).__name__


def cleaned(text: str) -> str:
    return text if is_clean(text) else json.dumps(text[: messages.FOUND_CHARACTERS])


def is_clean(text: str) -> bool:
    """Tells whether a text can be stored and sent: no control characters, no half of a surrogate pair."""
    return text.isprintable() or not any(
        character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff" for character in text
    )


def decoded(body: bytes, charset: str) -> str:
    """Returns a CSV as text.

    Without a charset: UTF-8, and what is not UTF-8 is GB18030. The order decides nothing wrongly for real text: Chinese in GB18030
    is practically never valid UTF-8, while UTF-8 often is valid GB18030. What neither can hold, such as NUL bytes of a workbook or
    of UTF-16, is refused; so is a file with one broken byte, and the place that is named is the furthest that any of them came to.
    """
    furthest: UnicodeDecodeError | None = None
    for codec in [charset] if charset else [UTF_8, "gb18030"]:
        try:
            text = body.decode(codec)
        except UnicodeDecodeError as error:
            if furthest is None or error.start > furthest.start:
                furthest = error
            continue
        if "\0" not in text:
            return text.removeprefix("\ufeff")
    allowed = charset.removesuffix("-sig") if charset else "utf-8, gb18030"
    raise NothingReadable("TEXT_NOT_DECODABLE", found=undecodable(body, furthest), allowed=allowed)


def undecodable(body: bytes, error: UnicodeDecodeError | None) -> str:
    """Returns where a body is no text, for a message; without an error it has NUL bytes.

    Args:
        body: As it arrived.
        error: What its decoding ended with.
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    if error is None:
        return "NUL"
    return f"0x{body[error.start]:02X}, line {body.count(bytes([10]), 0, error.start) + 1}"
