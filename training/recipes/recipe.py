"""The settings of a training run; every other file of this folder fills in one Recipe."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cv.engine.labels import Attribute
from training.data.augment import Augmentation
from training.data.chips import Crop
from training.losses import Loss

PUBLISHED: Final = "published"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One run, which trains one net.

    net: a name of ``training.nets.NETS``.
    sets: the tables by name, and how often each of their faces is used in an epoch; 0.5 uses half of them, drawn anew
        in each epoch.
    losses: the loss of each output, in the order of the net's heads.
    score: a weighted sum of measures on ``val`` that chooses the best epoch; ``utkface_gender`` is gender accuracy on
        UTKFace, an age's measure is the mean error in years, beauty's the correlation.
    start: PUBLISHED for the weights in ``weights/``, the name of another recipe for the best weights of its run, None
        for the weights that ``training.nets`` starts this net from.
    frozen: how many parts of the trunk, counted from the input, do not learn.
    trunk_rate, head_rate: peak learning rates of AdamW.
    balance: ``balance`` of ``training.data.batches.weigh_faces``; without one all faces are used equally often.
    mixup: ``alpha`` of ``training.data.augment.mix_pairs``, until the share ``mixup_until`` of all steps.
    votes_share: ``share`` of ``training.data.votes.blend_votes``; with 0 the votes are ignored.
    teacher_share: ``share`` of ``training.data.teacher.teach``.
    """

    name: str
    net: str
    sets: Mapping[str, float]
    losses: Mapping[Attribute, Loss]
    score: Mapping[str, float]
    crop: Crop = field(default_factory=Crop)
    balance: Mapping[Attribute, float] = field(default_factory=dict)
    start: str | None = None
    frozen: int = 0
    seed: int = 20261122
    epochs: int = 10
    batch_size: int = 64
    trunk_rate: float = 1e-3
    head_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 200
    ema_decay: float = 0.998
    dropout: float = 0.1
    label_smoothing: float = 0.05
    mixup: float = 0.0
    mixup_until: float = 1.0
    votes_share: float = 0.0
    teacher_share: float = 0.0
    augment: Augmentation = field(default_factory=Augmentation)

    @property
    def outputs(self) -> tuple[Attribute, ...]:
        """What the net answers, in the order of its heads."""
        return tuple(self.losses)

    def as_json(self) -> dict[str, Any]:
        """The recipe in plain types, for checkpoints and the manifest."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain
