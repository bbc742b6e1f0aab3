"""Who is it, of a hundred people? A net fine-tuned on them, against the search that collections use.

After the K-pop project's star recognition, which fine-tuned a net on its stars' pictures (0.70 to 0.75). Here a
hundred people of CelebA with five pictures each: three are learned from, two are asked about. Each seed deals the
pictures anew. A search needs no training: a new person is three more vectors.
"""

from functools import partial
from typing import Final
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cv.search.exact import ExactIndex
from training.data.features import Features
from training.fit import fit
from training.measure.metrics import accuracy
from training.nets.trunks import FEATURES, upper_trunk
from training.recipes.study import Case, Outcome, Study, Trial

PEOPLE: Final = 100
LEARNED, PICTURES = 3, 5
VARIANTS: Final = ("search", "new head", "new head and fine-tuned stages")

Ints = npt.NDArray[np.int64]


def run(trial: Trial) -> Outcome:
    people = choose_people(trial)
    faces = trial.load("val", only=("identity", frozenset(people)))
    who = np.array([people.index(str(person)) for person in faces.column("identity")])
    learned = deal_pictures(who, trial.case.seed)
    train, test = faces.take(learned), faces.take(~learned)

    answer = search if trial.case.variant == "search" else partial(fine_tune, trial)
    answers = answer(train, who[learned], test)

    about = {"people": len(people), "train": len(train), "test": len(test)}
    return Outcome({"accuracy": accuracy(answers, who[~learned])}, about=about)


def choose_people(trial: Trial) -> list[str]:
    """The first hundred of ``val``, by their number, that have five pictures."""
    rows = pq.read_table(trial.table, columns=["identity", "split"]).to_pylist()
    identities = [str(row["identity"]) for row in rows if row["split"] == "val"]
    people, counts = np.unique(identities, return_counts=True)
    return sorted(people[counts >= PICTURES].tolist(), key=lambda person: (len(person), person))[:PEOPLE]


def deal_pictures(who: Ints, seed: int) -> npt.NDArray[np.bool_]:
    """Which pictures are learned from: three of each person, drawn by the seed."""
    order = np.random.default_rng(seed).permutation(len(who))
    learned = np.zeros(len(who), dtype=bool)
    for person in np.unique(who):
        learned[order[who[order] == person][:LEARNED]] = True
    return learned


def search(train: Features, who: Ints, test: Features) -> Ints:
    """The person of the nearest enrolled vector, by the index that serves collections."""
    index, gallery = ExactIndex(), uuid4()
    index.add(gallery, np.arange(len(train)), train.vectors[:, 0])
    return np.array([who[hit.key] for (hit,) in index.search(gallery, test.vectors[:, 0], 1)])


def fine_tune(trial: Trial, train: Features, who: Ints, test: Features) -> Ints:
    """dlib's net with a head of a hundred classes; with or without its last two stages trained, too."""
    whole = "fine-tuned" in trial.case.variant
    torch.manual_seed(trial.case.seed)
    net = nn.Sequential(upper_trunk() if whole else nn.Identity(), Head(int(who.max()) + 1))
    inputs, asked = (torch.from_numpy(faces.maps if whole else faces.high) for faces in (train, test))
    people = torch.from_numpy(who)

    def batch_loss(chosen: Tensor) -> Tensor:
        views = inputs[chosen, torch.randint(2, (len(chosen),))].float()
        return F.cross_entropy(net(views), people[chosen], label_smoothing=0.1)

    fit(
        net,
        len(train),
        batch_loss,
        epochs=trial.epochs or (8 if whole else 60),
        rate=5e-4 if whole else 3e-3,
        seed=trial.case.seed,
        checkpoint=trial.checkpoint,
        batch_size=20,
    )
    with torch.inference_mode():
        logits = sum(net(asked[:, view].float()) for view in (0, 1))
    assert isinstance(logits, Tensor)
    answers: Ints = logits.argmax(dim=1).numpy()
    return answers


class Head(nn.Module):
    """The mean over space, normed, to a logit for each person."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.norm, self.linear = nn.BatchNorm1d(FEATURES), nn.Linear(FEATURES, people)

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.norm(maps.mean(dim=(2, 3))))
        return logits


RECIPE = Study(
    name="star",
    paper="the K-pop project (star recognition by fine-tuning)",
    labels=("identity",),
    cases=tuple(Case(variant, "celeba", seed=seed) for variant in VARIANTS for seed in (0, 1, 2)),
    run=run,
)
