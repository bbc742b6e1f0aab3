"""A label of your own, from your own photos: ``own.parquet`` has the columns ``image``, ``label`` and ``split``.

A logistic regression on the features of dlib's net, which is enough for a few hundred photos, and takes seconds. Every
label that occurs becomes a class. ``docs/notebooks/own_model.ipynb`` goes from photos to a served model.
"""

from typing import Final

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from training.measure.metrics import accuracy, balanced_accuracy
from training.recipes.study import Case, Outcome, Study, Trial

# How strongly weights are held small: with few photos, strongly.
PENALTY: Final = 100.0


def run(trial: Trial) -> Outcome:
    train, test = trial.load("train"), trial.load("val")
    labels = sorted({str(label) for label in train.column("label")})
    if len(labels) < 2:
        raise SystemExit(f"{trial.table.name} needs photos of two or more labels in the split train; it has {labels}")
    # dlib's levels alone, because a model that is served sees one crop of a face.
    known, asked = (faces.levels(vector=False).mean(axis=1) for faces in (train, test))
    mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-6

    learned = LogisticRegression(C=1 / PENALTY, max_iter=500, class_weight="balanced")
    learned.fit((known - mean) / spread, train.column("label").astype(str))

    answers, true = learned.predict((asked - mean) / spread), test.column("label").astype(str)
    scores = {"accuracy": accuracy(answers, true), "balanced accuracy": balanced_accuracy(answers, true)}
    # Of two classes, scikit-learn has the weights of the second alone.
    weight, bias = learned.coef_ / spread, learned.intercept_
    if len(labels) == 2:
        weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
    weights = {
        "weight": torch.tensor(weight, dtype=torch.float32),
        "bias": torch.tensor(bias - weight @ mean, dtype=torch.float32),
    }
    return Outcome(scores, weights, {"train": len(train), "test": len(test), "labels": labels})


RECIPE = Study(
    name="own",
    paper="A logistic regression on the features of a face-recognition net",
    labels=("label", "split"),
    cases=(Case("dlib", "own"),),
    run=run,
    source="It is a table of your own photos with the columns image, label and split (train or val); "
    "docs/notebooks/own_model.ipynb writes one.",
)
