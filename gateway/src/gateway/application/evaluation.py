"""The evaluation service as the gateway asks it: who may ask what, and nothing of what the answers say.

Questions go through by name, and their members as the contract names them: a figure that this module knew would be one that it
could get wrong.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.domain.callers import Action, Caller

Members = Mapping[str, Any]
"""A message by the names of its proto file; decimals as text."""


class EvaluationPort(Protocol):
    """The evaluation service. Every method acts for `caller` and inside its tenant.

    Every method raises EvaluationRefused with evaluation's own reason, or Unavailable when it does not answer.
    """

    async def ask(self, caller: Caller, question: str, members: Members) -> dict[str, Any]:
        """Asks an rpc by its name, and returns the members of its answer."""
        ...

    async def file(self, caller: Caller, question: str, members: Members) -> tuple[bytes, str]:
        """Asks an rpc whose answer is a file; returns its content and media type."""
        ...


ACTIONS: Mapping[str, Action] = {
    "ListIndicatorSystems": Action.PUBLISHED,
    "GetIndicatorSystem": Action.PUBLISHED,
    "CreateIndicatorSystem": Action.REGISTER,
    "CreateThresholdSet": Action.REGISTER,
    "CreateWeightSet": Action.REGISTER,
    "RecordIndicatorValues": Action.RECORD,
    "ListIndicatorValues": Action.READ,
    "EvaluatePark": Action.RECORD,
    "ListEvaluations": Action.READ,
    "GetEvaluation": Action.READ,
    "CompareEvaluations": Action.READ,
    "PlanImprovements": Action.READ,
    "RenderReport": Action.READ,
    "RenderTemplate": Action.READ,
    "RankParks": Action.READ,
    "Calculate": Action.PUBLISHED,
    "CompareJudgements": Action.PUBLISHED,
    "SummariseRounds": Action.PUBLISHED,
}
"""What each question needs of its caller."""


async def ask(evaluation: EvaluationPort, caller: Caller, question: str, members: Members) -> dict[str, Any]:
    """Asks the evaluation a question that the caller may ask.

    Raises:
        RoleMissing, ScopeMissing: the caller may not.
    """
    caller.must(ACTIONS[question])
    return await evaluation.ask(caller, question, members)


async def file(evaluation: EvaluationPort, caller: Caller, question: str, members: Members) -> tuple[bytes, str]:
    """Asks for a file, as `ask`."""
    caller.must(ACTIONS[question])
    return await evaluation.file(caller, question, members)
