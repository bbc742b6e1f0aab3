"""CelebA's 40 attributes, each weighted by the trend of its validation loss.

After *Adaptively Weighted Multi-task Deep Network for Person Attribute Classification* (He et al. 2017). Forty tasks
share one net, and they do not learn at one pace: after an epoch the net knows whether a face smiles, but hardly whether
its nose is pointed. So a task counts more as long as its loss on people who are held out is high and still moves. As in
LNets+ANet (Liu et al. 2015), the net begins with what face recognition has learned.

Three variants are compared on vectors of dlib's trunk, which does not learn: a shared hidden layer with adaptive
weights, one with equal weights, and forty separate nets. ``served`` is the net of the service: adaptive, and the upper
half of the trunk learns, too. What differs from the paper: cross-entropy instead of a squared error, a small net, a
quarter of CelebA, and a measurement every few steps instead of every step.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cv.engine.labels import ALL_TRAITS
from training.data.celeba import VECTOR, Seen, see_celeba
from training.fit import fit
from training.measure.traits import score_flags
from training.nets.dlib_weights import pretrained_face_resnet
from training.nets.norms import add_norms, fold_norms
from training.nets.trait_net import start_from
from training.recipes.study import Case, Outcome, Study, Trial

TASKS: Final = len(ALL_TRAITS)
VARIANTS: Final = ("adaptive", "equal", "separate", "served")
# One person of HELD_OUT is not learned from. Every EVERY steps a batch of them is measured; K measurements make a mean.
HELD_OUT, EVERY, K, BATCH = 15, 4, 25, 64
# Units of the shared hidden layer, and of each of the forty separate ones.
SHARED, OWN = 256, 16
EPOCHS, SERVED_EPOCHS = 4, 2
RATE, SERVED_RATE, DROPOUT = 1e-3, 7e-4, 0.3


def run(trial: Trial) -> Outcome:
    torch.manual_seed(trial.case.seed)
    served = trial.case.variant == "served"
    train, tested = (see_celeba(trial.table, split, trial.features) for split in ("train", "val"))
    learned, held = split_people(train)
    net = start_from(pretrained_face_resnet()[0], DROPOUT)[1] if served else build(trial.case.variant)
    set_priors(net, learned.targets)
    if served:
        add_norms(net, read(learned, np.arange(min(256, len(learned))), maps=True)[0])
    tasks = AdaptiveTasks(net, adaptive=trial.case.variant in ("adaptive", "served"))

    def batch_loss(chosen: Tensor) -> Tensor:
        if tasks.adaptive and tasks.steps % EVERY == 0:
            drawn = torch.randperm(len(held))[:BATCH].numpy()
            tasks.measure(*read(held, drawn, maps=served))
        tasks.steps += 1
        return (tasks.weights * tasks.losses(*read(learned, chosen.numpy(), maps=served))).mean()

    epochs, rate = (SERVED_EPOCHS, SERVED_RATE) if served else (EPOCHS, RATE)
    seed, checkpoint, epochs = trial.case.seed, trial.checkpoint, trial.epochs or epochs
    fit(tasks, len(learned), batch_loss, epochs=epochs, rate=rate, seed=seed, checkpoint=checkpoint, batch_size=BATCH)
    about = {"train": len(learned), "held out": len(held), "test": len(tested), "heaviest": float(tasks.weights.max())}
    return Outcome(score(net, tested, maps=served), fold_norms(net).state_dict() if served else {}, about)


class AdaptiveTasks(nn.Module):
    """The weights of the tasks, ``(40,)`` with a mean of 1, beside the net that they train."""

    weights: Tensor
    measured: Tensor
    count: Tensor
    steps: Tensor

    def __init__(self, net: nn.Module, *, adaptive: bool) -> None:
        super().__init__()
        self.net, self.adaptive = net, adaptive
        self.register_buffer("weights", torch.ones(TASKS))
        # The last 2·K losses of each task on held-out faces, newest last; NaN before there are as many.
        self.register_buffer("measured", torch.full((2 * K, TASKS), torch.nan))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("steps", torch.tensor(0))

    def losses(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The mean cross-entropy of each task, ``(40,)``."""
        return F.binary_cross_entropy_with_logits(self.net(inputs), targets, reduction="none").mean(dim=0)

    @torch.no_grad()
    def measure(self, inputs: Tensor, targets: Tensor) -> None:
        """The paper's validation loss trend algorithm: every K measurements the weights follow the last 2·K."""
        self.eval()
        self.measured.copy_(torch.cat([self.measured[1:], self.losses(inputs, targets)[None]]))
        self.train()
        self.count += 1
        if self.count >= 2 * K and self.count % K == 0:
            self.weights.copy_(weigh_tasks(self.measured[:K].mean(dim=0), self.measured[K:].mean(dim=0)))


def weigh_tasks(earlier: Tensor, later: Tensor) -> Tensor:
    """From each task's mean losses ``(T,)`` in two spans of measurements: how much it moved, times how high it is."""
    trend = (later - earlier).abs() / later
    weights = trend / trend.mean() * (later / later.mean())
    return weights / weights.mean()


def build(variant: str) -> nn.Sequential:
    """Vectors ``(N, VECTOR)`` → logits ``(N, 40)``. As no layer is shared, forty separate nets learn side by side."""
    if variant == "separate":
        layers = (nn.Linear(VECTOR, TASKS * OWN), nn.ReLU(), nn.Unflatten(1, (TASKS * OWN, 1)))
        return nn.Sequential(*layers, nn.Dropout(DROPOUT), nn.Conv1d(TASKS * OWN, TASKS, 1, groups=TASKS), nn.Flatten())
    return nn.Sequential(nn.Linear(VECTOR, SHARED), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(SHARED, TASKS))


def set_priors(net: nn.Module, targets: npt.NDArray[np.float32]) -> None:
    """Lets the last layer begin with each task's odds in the training faces."""
    *_, last = (module for module in net.modules() if isinstance(module, nn.Linear | nn.Conv1d))
    with torch.no_grad():
        last.bias.copy_(torch.logit(torch.from_numpy(targets.mean(axis=0)), eps=1e-3))  # type: ignore[union-attr]


def split_people(seen: Seen) -> tuple[Seen, Seen]:
    """The faces to learn from, and those held out; no person is in both."""
    held = seen.people % HELD_OUT == 0
    return seen.where(~held), seen.where(held)


def read(seen: Seen, chosen: npt.NDArray[np.intp], *, maps: bool) -> tuple[Tensor, Tensor]:
    """What the net takes of the chosen faces, maps or vectors, and targets ``(N, 40)``. Of maps, a view is drawn."""
    source = seen.maps[int(torch.randint(len(seen.maps), ()))] if maps else seen.vectors
    inputs = torch.from_numpy(source[seen.chosen[chosen]]).float()
    return inputs, torch.from_numpy(seen.targets[chosen])


@torch.inference_mode()
def score(net: nn.Module, tested: Seen, *, maps: bool) -> dict[str, float]:
    """The means of the tasks, as the net answers: not calibrated."""
    net.eval()
    parts = np.array_split(np.arange(len(tested)), max(1, len(tested) // 256))
    shares = torch.cat([net(read(tested, part, maps=maps)[0]) for part in parts]).sigmoid()
    scores = score_flags(shares.double().numpy(), tested.targets > 0.5)
    return {"accuracy": scores["traits_accuracy"], "balanced accuracy": scores["traits_balanced_accuracy"]}


RECIPE = Study(
    name="adaptive-attributes",
    paper="Adaptively Weighted Multi-task Deep Network for Person Attribute Classification (He et al. 2017)",
    labels=("flags", "identity"),
    cases=(*(Case(variant, "celeba", seed=i) for variant in VARIANTS[:3] for i in range(3)), Case("served", "celeba")),
    run=run,
)
