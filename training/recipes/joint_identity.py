"""Who is it, and what does the face look like? Attributes as side tasks of a net that learns to tell people apart.

After *Joint Face Recognition and Attribute Prediction*: a net that learns identities learns CelebA's 40 attributes on
the same features, with and without, and its vectors are compared on people whom it has never seen. Here the net is a
compact one that starts from nothing, and sees faces of 48 pixels.
"""

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from cv.engine.labels import ALL_TRAITS
from training.data.celeba import cut
from training.data.crops import ROOM, centre_crops, change
from training.data.tables import rows
from training.fit import fit
from training.measure.verification import verify_all
from training.nets.compact import LARGE, compact
from training.recipes.study import Case, Outcome, Study, Trial

# The weight of the attributes' loss in each variant.
WEIGHTS: Final = {"identity alone": 0.0, "identity + attributes": 1.0}
# People of a split, the first by their number, each with as many pictures.
PEOPLE: Final = {"train": 1000, "val": 300}
PICTURES: Final = 5
SIDE: Final = 48
FEATURES, EMBEDDING = 192, 128
# Logits are cosines times SCALE, so that the vectors are compared as they are learned (NormFace, Wang et al. 2017).
SCALE: Final = 16.0
EPOCHS: Final = 12


class JointNet(nn.Module):
    """float32 ``(N, 3, 48, 48)`` → vectors of length 1 ``(N, 128)`` and logits of the attributes ``(N, 40)``."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.trunk = compact(LARGE, FEATURES, dropout=0.1)
        self.embedding, self.attributes = nn.Linear(FEATURES, EMBEDDING), nn.Linear(FEATURES, len(ALL_TRAITS))
        self.people = nn.Parameter(torch.randn(people, EMBEDDING))

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(faces)
        return F.normalize(self.embedding(features)), self.attributes(features)

    def tell_apart(self, vectors: Tensor) -> Tensor:
        """Logits of the people, ``(N, people)``."""
        return SCALE * vectors @ F.normalize(self.people).T


def run(trial: Trial) -> Outcome:
    faces, flags, who = read_people(trial.table, "train")
    tested, tested_flags, tested_who = read_people(trial.table, "val")
    torch.manual_seed(trial.case.seed)
    net = JointNet(int(who.max()) + 1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weight = WEIGHTS[trial.case.variant]

    def batch_loss(chosen: Tensor) -> Tensor:
        vectors, logits = net(change(faces[chosen]))
        loss = F.cross_entropy(net.tell_apart(vectors), who[chosen])
        return loss + weight * F.binary_cross_entropy_with_logits(logits, flags[chosen])

    fit(
        net,
        len(faces),
        batch_loss,
        epochs=trial.epochs or EPOCHS,
        rate=3e-3,
        seed=trial.case.seed,
        checkpoint=trial.checkpoint,
    )
    vectors, logits = see(net, tested)
    measured = verify_all(vectors.double().numpy(), tested_who.numpy().astype(str))
    scores = {"TAR at FMR 1e-2": measured["tar_at_fmr"]["1e-2"], "EER": measured["eer"], "rank 1": measured["rank1"]}
    about: dict[str, float] = {"train": len(faces), "people": int(who.max()) + 1, "test": len(tested)}
    if weight:
        about["attributes"] = float(((logits > 0) == (tested_flags > 0.5)).float().mean())
    return Outcome(scores, about=about)


@torch.inference_mode()
def see(net: JointNet, tested: Tensor) -> tuple[Tensor, Tensor]:
    """The vector and attributes of each face: the means of what it is and of its mirror image."""
    seen = [(net(centre_crops(part)), net(centre_crops(part).flip(3))) for part in torch.split(tested, 256)]
    vectors, logits = (torch.cat([plain[i] + mirrored[i] for plain, mirrored in seen]) for i in (0, 1))
    return F.normalize(vectors), logits / 2


@cache
def read_people(table: Path, split: str) -> tuple[Tensor, Tensor, Tensor]:
    """Faces uint8 ``(N, 3, 52, 52)``, attributes float32 ``(N, 40)`` of 0 and 1, and the index of each person."""
    people = choose_people(table, split)
    faces, flags, who = [], [], []
    for _, row in rows(table, split):
        if row["identity"] in people:
            faces.append(draw_face(row["image"]))
            flags.append([name in row["flags"] for name in ALL_TRAITS])
            who.append(people[row["identity"]])
    seen = torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2)
    return seen, torch.tensor(flags, dtype=torch.float32), torch.tensor(who)


def choose_people(table: Path, split: str) -> dict[int, int]:
    """The index of each chosen person; no person is in two splits."""
    columns = pq.read_table(table, columns=["identity", "split"]).to_pydict()
    own = [person for person, part in zip(columns["identity"], columns["split"], strict=True) if part == split]
    people, counts = np.unique(own, return_counts=True)
    return {int(person): i for i, person in enumerate(people[counts >= PICTURES][: PEOPLE[split]])}


def draw_face(picture: bytes) -> npt.NDArray[np.uint8]:
    """The face with little around it, uint8 RGB, a little larger than the net sees it: it is moved in training."""
    side, edge = SIDE + ROOM, 14
    chip = Image.fromarray(cut(picture)).crop((edge, edge, 112 - edge, 112 - edge))
    return np.asarray(chip.resize((side, side), Image.Resampling.BOX))


RECIPE = Study(
    name="joint-identity",
    paper="Joint Face Recognition and Attribute Prediction",
    labels=("identity", "flags"),
    cases=tuple(Case(variant, "celeba", seed=seed) for seed in (0, 1, 2) for variant in WEIGHTS),
    run=run,
)
