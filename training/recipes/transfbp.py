"""Facial beauty by a ridge on the features of a face-recognition net.

After Xu, Xiang and Yuan: *Transferring Rich Deep Features for Facial Beauty Prediction* (2018). There, VGG-16's
features of a low and a high level are concatenated and a Bayesian ridge regression (scikit-learn's) maps them to the
mean rating. Here the net is dlib's, with SFace's vector as a third part. Nothing of the nets is trained.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import BayesianRidge

from training.data.features import Features
from training.measure.metrics import mean_absolute_error, pearson
from training.recipes.study import Case, Outcome, Study, Trial

# Which levels a variant concatenates.
LEVELS: Final = {
    "high": {"low": False, "high": True, "vector": False},
    "low + high": {"low": True, "high": True, "vector": False},
    "low + high + SFace": {"low": True, "high": True, "vector": True},
}
FOLDS: Final = (1, 2, 3, 4, 5)


def run(trial: Trial) -> Outcome:
    train, test = split_faces(trial)
    levels = LEVELS[trial.case.variant]
    known, ratings = train.levels(**levels).mean(axis=1), train.column("beauty").astype(np.float32)
    mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-6

    ridge = BayesianRidge().fit((known - mean) / spread, ratings)

    predicted = ridge.predict((test.levels(**levels).mean(axis=1) - mean) / spread)
    true = test.column("beauty").astype(np.float32)
    scores = {"pearson": pearson(predicted, true), "error": mean_absolute_error(predicted, true)}
    return Outcome(scores, as_linear(ridge, mean, spread), {"train": len(train), "test": len(test)})


def split_faces(trial: Trial) -> tuple[Features, Features]:
    """An official fold of SCUT-FBP5500 is tested on, and the other four are learned from; other sets have a split."""
    if trial.case.fold is None:
        return trial.load("train"), trial.load("val")
    faces = trial.load()
    tested = faces.column("fold") == trial.case.fold
    return faces.take(~tested), faces.take(tested)


def as_linear(
    ridge: BayesianRidge, mean: npt.NDArray[np.float32], spread: npt.NDArray[np.float32]
) -> dict[str, torch.Tensor]:
    """The same function of raw features as one linear layer, and the deviation of a rating around what it predicts."""
    weight = ridge.coef_ / spread
    return {
        "weight": torch.tensor(weight[None], dtype=torch.float32),
        "bias": torch.tensor([ridge.intercept_ - weight @ mean], dtype=torch.float32),
        "deviation": torch.tensor([ridge.alpha_**-0.5], dtype=torch.float32),
    }


RECIPE = Study(
    name="transfbp",
    paper="Xu, Xiang, Yuan: Transferring Rich Deep Features for Facial Beauty Prediction (2018)",
    labels=("beauty",),
    cases=(
        *(Case(variant, "scut", fold) for variant in LEVELS for fold in FOLDS),
        *(Case(variant, "mebeauty") for variant in LEVELS),
    ),
    run=run,
)
