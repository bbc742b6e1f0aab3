"""Age and beauty as distributions, as they are served, against a plain number and against classes.

After Gao, Zhou, Wu and Geng: *Age Estimation Using Expectation of Label Distribution Learning* (DLDL-v2, 2018). A
face's label is a distribution: for age a narrow normal around the years, for beauty the shares of its raters. The
answer is the distribution's mean, and its loss counts, too. All variants have the same frozen features and one layer.
"""

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cv.engine.labels import BINS, Attribute
from training.data.features import Features
from training.data.labels import age_distribution, beauty_distribution
from training.fit import fit
from training.losses import distribution_loss
from training.measure.metrics import mean_absolute_error, pearson
from training.recipes.study import Case, Outcome, Study, Trial

VARIANTS: Final = ("number", "classes", "distribution")
TASKS: Final = {"utkface": Attribute.AGE, "mebeauty": Attribute.BEAUTY}
# Faces of a split that are used, drawn with a fixed seed; None is all. UTKFace's 21,000 would take half an hour to see.
MOST: Final[dict[str, dict[str, int | None]]] = {
    "utkface": {"train": 2000, "val": 800},
    "mebeauty": {"train": None, "val": None},
}


def run(trial: Trial) -> Outcome:
    task = TASKS[trial.case.table]
    bins = torch.from_numpy(BINS[task])
    train, test = (trial.load(split, limit=most) for split, most in MOST[trial.case.table].items())
    inputs, asked = (torch.from_numpy(faces.levels()) for faces in (train, test))
    values, true = (torch.from_numpy(faces.column(task.value).astype(np.float32)) for faces in (train, test))
    targets = as_distributions(train, task)
    mean, spread = values.mean(), values.std()

    torch.manual_seed(trial.case.seed)
    size = 1 if trial.case.variant == "number" else len(bins)
    net = nn.Sequential(
        nn.BatchNorm1d(inputs.shape[2], affine=False), nn.Dropout(0.5), nn.Linear(inputs.shape[2], size)
    )

    def answer(features: Tensor) -> Tensor:
        """Years or points, ``(N,)``."""
        output: Tensor = net(features)
        if trial.case.variant == "number":
            return output[:, 0] * spread + mean
        return output.softmax(dim=1) @ bins

    def batch_loss(chosen: Tensor) -> Tensor:
        views = inputs[chosen, torch.randint(2, (len(chosen),))]
        if trial.case.variant == "number":
            return F.smooth_l1_loss(answer(views) / spread, values[chosen] / spread)
        if trial.case.variant == "classes":
            classes = (values[chosen, None] - bins).abs().argmin(dim=1)
            return F.cross_entropy(net(views), classes)
        return distribution_loss(net(views), targets[chosen], bins)

    fit(
        net,
        len(train),
        batch_loss,
        epochs=trial.epochs or 30,
        rate=1e-3,
        seed=trial.case.seed,
        checkpoint=trial.checkpoint,
        weight_decay=0.1,
    )
    with torch.inference_mode():
        predicted = torch.stack([answer(asked[:, view]) for view in (0, 1)]).mean(dim=0).numpy()
    scores = {"pearson": pearson(predicted, true.numpy()), "error": mean_absolute_error(predicted, true.numpy())}
    return Outcome(scores, about={"train": len(train), "test": len(test)})


def as_distributions(faces: Features, task: Attribute) -> Tensor:
    """float32 ``(N, bins)``; rows sum to 1."""
    if task is Attribute.AGE:
        rows = [age_distribution(float(years)) for years in faces.column("age")]
    else:
        rows = [beauty_distribution(row) for row in faces.rows]
    return torch.from_numpy(np.stack(rows).astype(np.float32))


RECIPE = Study(
    name="label-distribution",
    paper="Gao, Zhou, Wu, Geng: Age Estimation Using Expectation of Label Distribution Learning (2018)",
    labels=(),
    cases=tuple(Case(variant, table, seed=seed) for table in TASKS for variant in VARIANTS for seed in (0, 1, 2)),
    run=run,
)
