"""Chinese, Japanese or Korean? A closed question that people answer little better than by chance.

After Wang, Liao, Feng and Luo: *Do They All Look the Same? Deciphering Chinese, Japanese and Koreans by Fine-Grained
Deep Learning* (2016): people reach 38.9 %, their net 75.03 %. The pictures here are of celebrities, and no person of
the test is in the training, so that no person is recognised. How someone styles their hair or dresses may be
what answers.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression

from training.data.features import Features
from training.measure.metrics import accuracy, balanced_accuracy
from training.recipes.study import Case, Outcome, Study, Trial

NATIONS: Final = ("chinese", "japanese", "korean")
LEVELS: Final = {
    "dlib": {"low": True, "high": True, "vector": False},
    "SFace": {"low": False, "high": False, "vector": True},
    "dlib + SFace": {"low": True, "high": True, "vector": True},
}
# The set's own split, and five folds that people are dealt to.
FOLDS: Final = (None, 1, 2, 3, 4, 5)
# How strongly weights are held small.
PENALTY: Final = 300.0


def run(trial: Trial) -> Outcome:
    train, test = split_people(trial)
    levels = LEVELS[trial.case.variant]
    known, nations = train.levels(**levels).mean(axis=1), as_numbers(train)
    mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-6

    learned = LogisticRegression(C=1 / PENALTY, max_iter=500, class_weight="balanced")
    learned.fit((known - mean) / spread, nations)

    answers, true = learned.predict((test.levels(**levels).mean(axis=1) - mean) / spread), as_numbers(test)
    scores = {"accuracy": accuracy(answers, true), "balanced accuracy": balanced_accuracy(answers, true)}
    if trial.case.fold is None:
        scores["low"], scores["high"] = interval_by_person(answers == true, test.column("person"))
    weight = learned.coef_ / spread
    weights = {
        "weight": torch.tensor(weight, dtype=torch.float32),
        "bias": torch.tensor(learned.intercept_ - weight @ mean, dtype=torch.float32),
    }
    return Outcome(scores, weights, {"train": len(train), "test": len(test), "people": len(set(test.column("person")))})


def split_people(trial: Trial) -> tuple[Features, Features]:
    """No person is on both sides."""
    if trial.case.fold is None:
        return trial.load("train"), trial.load("val")
    faces = trial.load()
    people = sorted(set(faces.column("person")))
    dealt = dict(zip(np.random.default_rng(0).permutation(people), np.arange(len(people)) % 5 + 1, strict=True))
    tested = np.array([dealt[person] == trial.case.fold for person in faces.column("person")])
    return faces.take(~tested), faces.take(tested)


def as_numbers(faces: Features) -> npt.NDArray[np.int64]:
    """The index of each face's nation."""
    return np.array([NATIONS.index(nation) for nation in faces.column("nation")])


def interval_by_person(
    right: npt.NDArray[np.bool_], people: npt.NDArray[np.object_], rounds: int = 2000
) -> tuple[float, float]:
    """95 % interval of the accuracy over resampled people: pictures of one person are not independent."""
    hits, counts = (
        np.array([reduce(right[people == person]) for person in sorted(set(people))]) for reduce in (np.sum, len)
    )
    drawn = np.random.default_rng(0).integers(0, len(hits), (rounds, len(hits)))
    low, high = np.quantile(hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


RECIPE = Study(
    name="cjk",
    paper="Wang, Liao, Feng, Luo: Do They All Look the Same? Deciphering Chinese, Japanese and Koreans (2016)",
    labels=("nation", "person"),
    cases=tuple(Case(variant, "cjk", fold) for variant in LEVELS for fold in FOLDS),
    run=run,
)
