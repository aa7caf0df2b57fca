"""What happened, with numbers: stored in the transaction of the change and published from there."""

from dataclasses import dataclass

from evaluation.domain.evaluations import Assessment, Evaluation


@dataclass(frozen=True, slots=True)
class EvaluationScored:
    """A park was evaluated."""

    evaluation: Evaluation
    assessment: Assessment


Fact = EvaluationScored
