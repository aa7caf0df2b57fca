"""The Content-Type of a body."""

from collections.abc import Mapping, Sequence

from gateway.api.reading.text import UTF_8
from gateway.domain.errors import Unsupported
from gateway.domain.push.media import WORKBOOKS, Format, Media

_CHARSETS: Mapping[str, str] = {
    "utf-8": UTF_8,
    "utf8": UTF_8,
    "utf-8-sig": UTF_8,
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
}


def media_of(content_type: str | None, allowed: Sequence[Format] = tuple(Format)) -> Media:
    """Returns how a body is written, by its Content-Type.

    Args:
        content_type: The header.
        allowed: What the route reads.

    Raises:
        Unsupported: MEDIA_TYPE_UNSUPPORTED or CHARSET_UNSUPPORTED.
    """
    name, *parameters = (content_type or "").split(";")
    form = next((form for form in allowed if form == name.strip().lower()), None)
    if form is None:
        raise Unsupported("MEDIA_TYPE_UNSUPPORTED", found=name.strip() or "none", allowed=", ".join(allowed))
    if form in WORKBOOKS:
        return Media(form, "")
    charset = ""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    codecs = _CHARSETS if form is Format.CSV else {name: codec for name, codec in _CHARSETS.items() if codec == UTF_8}
    if charset and charset not in codecs:
        raise Unsupported("CHARSET_UNSUPPORTED", found=charset, allowed=", ".join(codecs))
    return Media(form, codecs.get(charset, "" if form is Format.CSV else UTF_8))
