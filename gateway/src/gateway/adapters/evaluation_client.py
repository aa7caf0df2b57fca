"""The evaluation service over gRPC. Its refusals become the gateway's own errors and keep their reason."""

from collections.abc import Mapping
from typing import Any, NoReturn

from google.protobuf import json_format
from google.protobuf.message import Message

from chassis.channel import Channel
from chassis.errors import INTERNAL, Kind, RemoteError
from gateway.adapters.accounting_client import signed
from gateway.domain.callers import Caller
from gateway.domain.errors import EvaluationRefused, Unavailable
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb
from parkcarbon.evaluation.v1 import evaluation_pb2_grpc

NOT_REPEATED = frozenset({"EvaluatePark"})
"""Questions that are not asked again after a failure: each is an evaluation of its own."""

SLOW_SECONDS: Mapping[str, float] = {
    # of thousands of parks
    "RankParks": 120.0,
    # 20 s for a turn, 20 s to compute, and the start of a process
    **dict.fromkeys(
        ("PlanImprovements", "RenderReport", "RenderTemplate", "CompareJudgements", "SummariseRounds", "Calculate"), 45.0
    ),
}
"""How long questions are waited for whose answers are computed; others as long as the channel says."""


class EvaluationClient:
    """An EvaluationPort over a channel."""

    def __init__(self, channel: Channel) -> None:
        """Builds the stub.

        Args:
            channel: To evaluation; signs the caller of each call.
        """
        self._channel = channel
        self._stub = evaluation_pb2_grpc.EvaluationServiceStub(channel.grpc)

    async def ask(self, caller: Caller, question: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Asks an rpc by its name, and returns the members of its answer, those without a value too."""
        answer = await self._call(caller, question, members)
        return json_format.MessageToDict(answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)

    async def file(self, caller: Caller, question: str, members: Mapping[str, Any]) -> tuple[bytes, str]:
        """Asks an rpc whose answer is a file; returns its content and media type."""
        answer: Any = await self._call(caller, question, members)
        return answer.content, answer.media_type

    async def _call(self, caller: Caller, question: str, members: Mapping[str, Any]) -> Message:
        request = json_format.ParseDict(dict(members), getattr(pb, f"{question}Request")())
        try:
            return await self._channel.call(
                getattr(self._stub, question),
                request,
                caller=signed(caller),
                idempotent=question not in NOT_REPEATED,
                deadline_seconds=SLOW_SECONDS.get(question),
            )
        except RemoteError as error:
            _refuse(error)


class NoEvaluation:
    """An EvaluationPort of a platform without the service: every question is unavailable."""

    async def ask(self, caller: Caller, question: str, members: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - the port's
        """Refuses."""
        raise Unavailable("EVALUATION_UNAVAILABLE")

    async def file(self, caller: Caller, question: str, members: Mapping[str, Any]) -> tuple[bytes, str]:  # noqa: ARG002 - as above
        """Refuses."""
        raise Unavailable("EVALUATION_UNAVAILABLE")


def _refuse(error: RemoteError) -> NoReturn:
    """Raises what evaluation's refusal is here; without a domain it is the connection that speaks."""
    if error.kind == Kind.UNAVAILABLE and not error.domain:
        raise Unavailable("EVALUATION_UNAVAILABLE") from error
    if error.kind in (INTERNAL, Kind.UNAUTHENTICATED):
        raise EvaluationRefused(INTERNAL, "INTERNAL", "the evaluation service failed", {"message_zh": "评价服务出错"}) from error
    raise EvaluationRefused(error.kind, error.reason, error.message, error.metadata) from error
