"""How right the stored answers are, by the labels that people gave the same faces."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from cv.abstention import abstains
from cv.engine.outputs import get_output
from cv.engine.types import Answer, Category, Estimate
from cv.labelling.intervals import mean_interval, wilson_interval
from cv.labelling.values import labelable_outputs
from cv.models import Face

Interval = tuple[float, float]
# A label, the answer to the same question, and the quality of the face.
Given = tuple[Any, Answer, float]


@dataclass(frozen=True, slots=True)
class Mistake:
    """How often the answer was ``answered`` where people said ``label``."""

    label: str
    answered: str
    n: int


@dataclass(frozen=True, slots=True)
class Score:
    """One output on ``n`` labelled faces that have an answer. Unsure answers count as unknown, neither right nor wrong.

    Of classes: ``right``, its share ``accuracy`` and the commonest mistakes. Of numbers: the mean ``error``, and
    ``within``, the share of labels inside the answer's interval. Values without a sure answer are None.
    """

    output: str
    n: int
    unsure: int
    right: int | None = None
    accuracy: float | None = None
    accuracy_interval: Interval | None = None
    mistakes: list[Mistake] = field(default_factory=list)
    error: float | None = None
    error_interval: Interval | None = None
    within: float | None = None
    within_interval: Interval | None = None
    stated: float | None = None

    @property
    def answered(self) -> int:
        """The faces with an answer that is not unsure."""
        return self.n - self.unsure

    @property
    def abstained(self) -> float:
        """The share of unsure answers."""
        return self.unsure / self.n


@dataclass(frozen=True, slots=True)
class Report:
    """How many faces have a label and how many of their pictures are kept, and a score for each output with labels."""

    faces: int
    with_picture: int
    attributes: list[Score]


def report_of(faces: Collection[Face], allowed: frozenset[str]) -> Report:
    """About the ``allowed`` outputs. The faces have their labels prefetched and their analysis cached."""
    kept = sum(bool(face.analysis.picture) for face in faces)
    return Report(len(faces), kept, _scores(faces, allowed))


def _scores(faces: Iterable[Face], allowed: frozenset[str]) -> list[Score]:
    given: dict[str, list[Given]] = {}
    for face in faces:
        answers = face.attributes
        for label in face.labels.all():
            if label.output in allowed and label.output in answers:
                told = (label.value, answers[label.output], face.quality_score)
                given.setdefault(label.output, []).append(told)
    return [_score(output.name, given[output.name]) for output in labelable_outputs() if output.name in given]


def _score(name: str, given: list[Given]) -> Score:
    sure = [(label, answer) for label, answer, quality in given if not abstains(name, answer, quality)]
    n, unsure = len(given), len(given) - len(sure)
    if not sure:
        return Score(name, n, unsure)
    if get_output(name).labels:
        wrong = Counter(
            (label, str(answer.label))
            for label, answer in sure
            if isinstance(answer, Category) and answer.label != label
        )
        right = len(sure) - wrong.total()
        return Score(
            name,
            n,
            unsure,
            right,
            right / len(sure),
            wilson_interval(right, len(sure)),
            [Mistake(label, said, count) for (label, said), count in wrong.most_common()],
        )
    estimates = [(float(label), answer) for label, answer in sure if isinstance(answer, Estimate)]
    errors = [abs(answer.value - label) for label, answer in estimates]
    bounded = [(label, answer.interval) for label, answer in estimates if answer.interval is not None]
    hits = sum(low <= label <= high for label, (low, high) in bounded)
    return Score(
        name,
        n,
        unsure,
        error=sum(errors) / len(errors),
        error_interval=mean_interval(errors),
        within=hits / len(bounded) if bounded else None,
        within_interval=wilson_interval(hits, len(bounded)) if bounded else None,
        stated=next((answer.coverage for _, answer in estimates if answer.coverage is not None), None),
    )
