"""Seven expressions by a tree of nets: the whole face, with its age, gender and race, and its eyes, nose and mouth.

After TreeCNN. The whole face goes into a multi-task net: what makes faces differ that are not of one age, gender or
race is told apart from what an expression changes. Small nets see one part each, cut by the landmarks, and the nets
vote. RAF-DB teaches the expressions, UTKFace and FairFace the other labels.

The whole net starts from the published expression net, which has learned from RAF-DB's training faces already, among
others; its lower half does not learn. The parts' nets start from nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cv.engine.labels import Attribute
from training.data.crops import centre_crops, change
from training.data.parts import PARTS, cut_part
from training.data.views import as_input, see_views
from training.fit import fit
from training.losses import Loss, multitask_loss
from training.measure.metrics import accuracy, balanced_accuracy
from training.nets.compact import compact
from training.nets.norms import add_norms
from training.nets.task_net import TaskNet
from training.recipes.study import Case, Outcome, Study, Trial

EXPRESSION: Final = Attribute.EXPRESSION
LOSSES: Final = {
    EXPRESSION: Loss(),
    Attribute.AGE: Loss(weight=0.1),
    Attribute.GENDER: Loss(weight=0.3),
    Attribute.RACE: Loss(weight=0.3),
}
# Faces of the other sets that are used, drawn with a fixed seed.
OTHERS: Final = {"utkface": 2500, "fairface": 2500}
# The nets that answer together.
MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "whole, expression alone": ("alone",),
    "whole, four tasks": ("whole",),
    **{name: (name,) for name in PARTS},
    "parts, majority": (*PARTS,),
    "tree, majority": ("whole", *PARTS),
    "tree, mean of shares": ("whole", *PARTS),
}
# Faces of a class of n are drawn n ** -BALANCE as often.
BALANCE: Final = 0.75
EPOCHS, PART_EPOCHS = 3, 5


def run(trial: Trial) -> Outcome:
    shares = np.stack([ask(trial, member) for member in MEMBERS[trial.case.variant]])
    tested = see_views(trial.table, "val", trial.features)
    true = tested.targets[EXPRESSION].argmax(dim=1).numpy()
    answers = (shares.mean(axis=0) if "mean" in trial.case.variant else vote(shares)).argmax(axis=1)
    scores = {"accuracy": accuracy(answers, true), "balanced accuracy": balanced_accuracy(answers, true)}
    return Outcome(scores, about={"test": len(true)})


def vote(shares: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each net has a vote ``(nets, N, 7)`` → ``(N, 7)``; where votes are equal, the shares decide."""
    votes = np.eye(shares.shape[2], dtype=np.float32)[shares.argmax(axis=2)]
    decided: npt.NDArray[np.float32] = votes.sum(axis=0) + shares.mean(axis=0) * 0.5
    return decided


def ask(trial: Trial, member: str) -> npt.NDArray[np.float32]:
    """A net's shares for the faces of ``val``, ``(N, 7)``; variants that have the net in common train it once."""
    file = trial.checkpoint.with_name(f"{member}-seed{trial.case.seed}-{trial.epochs or 'all'}.npy")
    if not file.exists():
        torch.manual_seed(trial.case.seed)
        train = train_part if member in PARTS else train_whole
        shares = train(trial, member, file.with_suffix(".checkpoint"))
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, shares.numpy())
        file.with_suffix(".checkpoint").unlink()
    answered: npt.NDArray[np.float32] = np.load(file)
    return answered


def train_whole(trial: Trial, member: str, checkpoint: Path) -> Tensor:
    tasks = tuple(LOSSES) if member == "whole" else (EXPRESSION,)
    sets = [see_views(trial.table, "train", trial.features)]
    if member == "whole":
        sets += [see_views(trial.data / f"{name}.parquet", "train", trial.features, n) for name, n in OTHERS.items()]
    owners = torch.cat([torch.full((len(seen),), i) for i, seen in enumerate(sets)])
    places = torch.cat([torch.arange(len(seen)) for seen in sets])
    targets = {task: torch.cat([seen.targets[task] for seen in sets]) for task in tasks}
    weights = torch.cat([balance(sets[0].targets[EXPRESSION]), *(torch.ones(len(seen)) for seen in sets[1:])])
    net = TaskNet(tasks)
    add_norms(net, as_input(sets[0].maps[:256, 0]))

    def batch_loss(chosen: Tensor) -> Tensor:
        drawn = torch.multinomial(weights, len(chosen), replacement=True)
        maps = np.stack([sets[i].draw(int(at)) for i, at in zip(owners[drawn], places[drawn], strict=True)])
        return multitask_loss(net(as_input(maps)), {task: rows[drawn] for task, rows in targets.items()}, LOSSES)[0]

    epochs = trial.epochs or EPOCHS
    fit(net, len(owners), batch_loss, epochs=epochs, rate=5e-4, seed=trial.case.seed, checkpoint=checkpoint)
    tested = see_views(trial.table, "val", trial.features)
    return shares_of(lambda view, part: net(as_input(tested.maps[part, view]))[EXPRESSION], len(tested))


def train_part(trial: Trial, member: str, checkpoint: Path) -> Tensor:
    (crops, true), (asked, _) = (cut_part(trial.table, split, trial.features, member) for split in ("train", "val"))
    weights = balance(true)
    net = nn.Sequential(compact(), nn.Linear(96, true.shape[1]))

    def batch_loss(chosen: Tensor) -> Tensor:
        drawn = torch.multinomial(weights, len(chosen), replacement=True)
        return F.cross_entropy(net(change(crops[drawn])), true[drawn], label_smoothing=0.1)

    epochs = trial.epochs or PART_EPOCHS
    fit(net, len(crops), batch_loss, epochs=epochs, rate=3e-3, seed=trial.case.seed, checkpoint=checkpoint)
    middle = centre_crops(asked)
    views = (middle, middle.flip(3))
    return shares_of(lambda view, part: net(views[view][part]), len(asked))


def balance(targets: Tensor) -> Tensor:
    """How often each face is drawn, ``(N,)``: 1 in the mean."""
    classes = targets.argmax(dim=1)
    weights = classes.bincount()[classes].float() ** -BALANCE
    return weights / weights.mean()


@torch.inference_mode()
def shares_of(answer: Callable[[int, slice], Tensor], faces: int) -> Tensor:
    """The mean of a net's shares for both views of each face of ``val``, ``(faces, 7)``."""
    parts = [slice(start, start + 256) for start in range(0, faces, 256)]
    return torch.cat([(answer(0, part).softmax(1) + answer(1, part).softmax(1)) / 2 for part in parts])


RECIPE = Study(
    name="treecnn",
    paper="TreeCNN (multi-task whole face and part nets with majority voting)",
    labels=("expression",),
    cases=tuple(Case(variant, "rafdb") for variant in MEMBERS),
    run=run,
    others=tuple(OTHERS),
)
