"""Facial beauty as a class and as a number at once, on one trunk.

After Xu, Xiang and Yuan: *CRNet: Classification and Regression Neural Network for Facial Beauty Prediction* (2018).
The rating is learned by a regression loss and, cut into five classes, by a classification loss; the weights θr and θc
balance them. The regression answers. Here the trunk is dlib's net, frozen, and a layer that is trained.
"""

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.fit import fit
from training.measure.metrics import mean_absolute_error, pearson
from training.recipes.study import Case, Outcome, Study, Trial
from training.recipes.transfbp import FOLDS, split_faces

CLASSES: Final = 5
# θc and θr of each variant.
WEIGHTS: Final = {"regression alone": (0.0, 1.0), "classification + regression": (0.4, 1.0)}


class CRNet(nn.Module):
    """float32 ``(N, D)`` → logits of the classes ``(N, 5)`` and the rating in deviations from the mean ``(N,)``."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.BatchNorm1d(size, affine=False), nn.Dropout(0.3), nn.Linear(size, 256), nn.ReLU(), nn.Dropout(0.5)
        )
        self.classes, self.number = nn.Linear(256, CLASSES), nn.Linear(256, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.trunk(features)
        return self.classes(seen), self.number(seen)[:, 0]


def run(trial: Trial) -> Outcome:
    train, test = split_faces(trial)
    inputs, asked = (torch.from_numpy(faces.levels()) for faces in (train, test))
    ratings = torch.from_numpy(train.column("beauty").astype(np.float32))
    mean, spread = ratings.mean(), ratings.std()
    numbers = (ratings - mean) / spread
    # Classes of equal width between the lowest and the highest rating.
    edges = torch.linspace(float(ratings.min()), float(ratings.max()), CLASSES + 1)[1:-1]
    classes = torch.bucketize(ratings, edges)

    torch.manual_seed(trial.case.seed)
    net, (weight_c, weight_r) = CRNet(inputs.shape[2]), WEIGHTS[trial.case.variant]

    def batch_loss(chosen: Tensor) -> Tensor:
        logits, number = net(inputs[chosen, torch.randint(2, (len(chosen),))])
        return weight_c * F.cross_entropy(logits, classes[chosen]) + weight_r * F.mse_loss(number, numbers[chosen])

    fit(
        net,
        len(train),
        batch_loss,
        epochs=trial.epochs or 20,
        rate=1e-3,
        seed=trial.case.seed,
        checkpoint=trial.checkpoint,
        weight_decay=0.1,
    )
    with torch.inference_mode():
        predicted = (torch.stack([net(asked[:, view])[1] for view in (0, 1)]).mean(dim=0) * spread + mean).numpy()
    true = test.column("beauty").astype(np.float32)
    scores = {"pearson": pearson(predicted, true), "error": mean_absolute_error(predicted, true)}
    return Outcome(scores, about={"train": len(train), "test": len(test)})


RECIPE = Study(
    name="crnet",
    paper="Xu, Xiang, Yuan: CRNet: Classification and Regression Neural Network for Facial Beauty Prediction (2018)",
    labels=("beauty",),
    cases=(
        *(Case(variant, "scut", fold) for variant in WEIGHTS for fold in FOLDS),
        *(Case(variant, "mebeauty", seed=seed) for variant in WEIGHTS for seed in (0, 1, 2)),
    ),
    run=run,
)
