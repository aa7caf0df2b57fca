"""Makes events of facts."""

from chassis.events import Event, EventFactory
from chassis.wire import rfc3339
from evaluation.domain.facts import EvaluationScored, Fact
from evaluation.domain.systems import decimal
from parkcarbon.evaluation.events.v1 import events_pb2

RESULT_TOPIC = "evaluation.result.v1"


class FactEncoder:
    """Makes the event of a fact."""

    def __init__(self, events: EventFactory) -> None:
        """Stores what makes the events of the service."""
        self._events = events

    def encode(self, fact: Fact) -> Event:
        """Returns the event of a fact; its key is the park."""
        evaluation = fact.evaluation
        return self._events.event(
            _scored(fact),
            topic=RESULT_TOPIC,
            tenant_id=evaluation.tenant_id,
            park_id=evaluation.park_id,
            subject=f"evaluations/{evaluation.evaluation_id}",
            time=evaluation.scored_time,
        )


def _scored(fact: EvaluationScored) -> events_pb2.EvaluationScored:
    evaluation, assessment = fact.evaluation, fact.assessment
    inputs, scores = evaluation.inputs, assessment.scores
    judged = assessment.verdict != ""
    return events_pb2.EvaluationScored(
        park_id=evaluation.park_id,
        tenant_id=evaluation.tenant_id,
        evaluation_id=evaluation.evaluation_id,
        system_id=inputs.system.system_id,
        year=inputs.year,
        score="" if judged or scores.total.score is None else decimal(scores.total.score),
        low="" if judged else decimal(scores.total.low),
        high="" if judged else decimal(scores.total.high),
        coverage_pct="" if judged else decimal(100 * scores.total.coverage),
        scale=decimal(inputs.system.scale),
        band=assessment.band.band if assessment.band else "",
        verdict=assessment.verdict,
        weight_set_id=inputs.weight_set_id,
        scored_time=rfc3339(evaluation.scored_time),
        inputs_sha256=evaluation.inputs_sha256,
        synthetic=inputs.synthetic,
        indicator_id=list(scores.leaves),
        indicator_score=["" if judged or leaf.score is None else decimal(leaf.score) for leaf in scores.leaves.values()],
    )
