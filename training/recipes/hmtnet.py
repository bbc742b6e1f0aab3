"""Race, gender and beauty by one net with a branch for each, against a net for each.

After Xu, Fan and Xiang: *Hierarchical Multi-Task Network for Race, Gender and Facial Attractiveness Recognition*
(HMT-Net, 2019). The lower layers are shared, the branches above are fully convolutional, and beauty's loss is
log cosh with a width δ. Here the lower layers are dlib's, frozen, and a shared layer that is trained.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.features import Features
from training.fit import fit
from training.losses import log_cosh_loss
from training.measure.metrics import accuracy, mean_absolute_error, pearson
from training.recipes.study import Case, Outcome, Study, Trial
from training.recipes.transfbp import FOLDS, split_faces

RACES: Final = ("asian", "white")
GENDERS: Final = ("female", "male")
# What each branch gives, and the weight of its loss.
BRANCHES: Final = {"race": (2, 0.5), "gender": (2, 0.5), "beauty": (1, 1.0)}
DELTA: Final = 0.5
VARIANTS: Final[dict[str, tuple[str, ...]]] = {"joint": (*BRANCHES,), **{f"{name} alone": (name,) for name in BRANCHES}}


class HMTNet(nn.Module):
    """dlib's third stage over a grid ``(N, 128, 4, 4)`` and its last stage ``(N, 256, 2, 2)`` → each task's output."""

    def __init__(self, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.low = nn.Sequential(nn.BatchNorm2d(128), nn.Conv2d(128, 64, 3, stride=2, padding=1), nn.ReLU())
        self.high = nn.Sequential(nn.BatchNorm2d(256), nn.Conv2d(256, 192, 1), nn.ReLU())
        self.branches = nn.ModuleDict(
            {
                task: nn.Sequential(
                    nn.Dropout(0.3), nn.Conv2d(256, 128, 2), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(128, size, 1)
                )
                for task, (size, _) in BRANCHES.items()
                if task in tasks
            }
        )

    def forward(self, low: Tensor, high: Tensor) -> dict[str, Tensor]:
        shared = torch.cat([self.low(low), self.high(high)], dim=1)
        return {task: branch(shared).flatten(1) for task, branch in self.branches.items()}


def run(trial: Trial) -> Outcome:
    train, test = split_faces(trial)
    tasks = VARIANTS[trial.case.variant]
    (low, high), (asked_low, asked_high) = as_inputs(train), as_inputs(test)
    targets = as_targets(train)
    mean, spread = targets["beauty"].mean(), targets["beauty"].std()
    targets["beauty"] = (targets["beauty"] - mean) / spread

    torch.manual_seed(trial.case.seed)
    net = HMTNet(tasks)

    def batch_loss(chosen: Tensor) -> Tensor:
        view = torch.randint(2, (len(chosen),))
        losses = []
        for task, output in net(low[chosen, view], high[chosen, view]).items():
            true = targets[task][chosen]
            loss = log_cosh_loss(output[:, 0], true, DELTA) if task == "beauty" else F.cross_entropy(output, true)
            losses.append(BRANCHES[task][1] * loss)
        return torch.stack(losses).sum()

    fit(
        net,
        len(train),
        batch_loss,
        epochs=trial.epochs or 12,
        rate=1e-3,
        seed=trial.case.seed,
        checkpoint=trial.checkpoint,
        weight_decay=0.05,
    )
    with torch.inference_mode():
        answers = [net(asked_low[:, view], asked_high[:, view]) for view in (0, 1)]
    true = as_targets(test)
    scores: dict[str, float] = {}
    for task in tasks:
        answer = (answers[0][task] + answers[1][task]) / 2
        if task == "beauty":
            predicted = (answer[:, 0] * spread + mean).numpy()
            scores["pearson"] = pearson(predicted, true[task].numpy())
            scores["error"] = mean_absolute_error(predicted, true[task].numpy())
        else:
            scores[task] = accuracy(answer.argmax(dim=1).numpy(), true[task].numpy())
    return Outcome(scores, about={"train": len(train), "test": len(test)})


def as_inputs(faces: Features) -> tuple[Tensor, Tensor]:
    """float32 ``(N, 2, 128, 4, 4)`` and ``(N, 2, 256, 2, 2)``."""
    grid = faces.maps.reshape(len(faces), 2, 128, 4, 2, 4, 2).mean(axis=(4, 6), dtype=np.float32)
    return torch.from_numpy(grid), torch.from_numpy(faces.high.astype(np.float32))


def as_targets(faces: Features) -> dict[str, Tensor]:
    """Races and genders as numbers, and ratings."""

    def index(column: str, labels: tuple[str, ...]) -> npt.NDArray[np.int64]:
        return np.array([labels.index(label) for label in faces.column(column)])

    numbers = {"race": index("race", RACES), "gender": index("gender", GENDERS)}
    numbers["beauty"] = faces.column("beauty").astype(np.float32)
    return {task: torch.from_numpy(values) for task, values in numbers.items()}


RECIPE = Study(
    name="hmtnet",
    paper="Xu, Fan, Xiang: Hierarchical Multi-Task Network for Race, Gender and Facial Attractiveness (2019)",
    labels=("beauty", "race", "gender"),
    cases=tuple(Case(variant, "scut", fold) for variant in VARIANTS for fold in FOLDS),
    run=run,
)
