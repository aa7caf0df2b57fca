"""Pages of rankings: what a ranking of thousands of parks is told in.

A ranking is computed as a whole. The last few are remembered, so that a further page is of the same ranking as the first, and costs
nothing. One that is forgotten is computed again; where it has become another, its pages would not fit together, and the caller is
told so.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from kernel.access import Caller
from kernel.refusals import InvalidField
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb

REMEMBERED = 8
"""Rankings of ten thousand parks are two megabytes each."""

_DIGEST_CHARACTERS = 32


class RankingPages:
    """Remembers the rankings whose pages are being read, for those who read them."""

    def __init__(self) -> None:
        self._recent: OrderedDict[tuple[Caller, bytes], tuple[str, pb.RankParksResponse]] = OrderedDict()

    async def page(
        self,
        caller: Caller,
        request: pb.RankParksRequest,
        size: int,
        ranked: Callable[[], Awaitable[pb.RankParksResponse]],
    ) -> pb.RankParksResponse:
        """Returns a page of a ranking.

        Args:
            caller: who asks; nobody is given what was computed for somebody else.
            request: the question, with the token of the page.
            size: rows of the page, above 0.
            ranked: computes the whole.

        Raises:
            InvalidField: the token is none, or of a ranking that has changed meanwhile.
        """
        question = pb.RankParksRequest()
        question.CopyFrom(request)
        question.ClearField("page_size")
        question.ClearField("page_token")
        key = (caller, question.SerializeToString(deterministic=True))
        start, expected = _read(request.page_token)
        digest, whole = self._recent.pop(key, ("", None))
        if whole is None or digest != expected:
            whole = await ranked()
            digest = hashlib.sha256(whole.SerializeToString(deterministic=True)).hexdigest()[:_DIGEST_CHARACTERS]
        if expected not in ("", digest):
            raise InvalidField(
                "page_token",
                request.page_token,
                "of a ranking that has not changed since; ask for the first page again",
                "未变化的排名的 page_token;请重新请求第一页",
            )
        if len(whole.parks) > size:
            self._recent[key] = digest, whole
            if len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)
        return _cut(whole, start, size, digest)


def _cut(whole: pb.RankParksResponse, start: int, size: int, digest: str) -> pb.RankParksResponse:
    page = pb.RankParksResponse(
        parks=whole.parks[start : start + size],
        flips=whole.flips if start == 0 else [],
        next_page_token=f"{start + size}.{digest}" if start + size < len(whole.parks) else "",
    )
    for field, value in whole.ListFields():
        if field.name not in ("parks", "flips"):
            if field.is_repeated:
                getattr(page, field.name).extend(value)
            else:
                setattr(page, field.name, value)
    return page


def _read(token: str) -> tuple[int, str]:
    if token == "":
        return 0, ""
    start, _, digest = token.partition(".")
    if not (start.isascii() and start.isdigit() and len(start) < 8 and len(digest) == _DIGEST_CHARACTERS):
        raise InvalidField("page_token", token, "a next_page_token of the same ranking", "同一排名给出的 next_page_token")
    return int(start), digest
