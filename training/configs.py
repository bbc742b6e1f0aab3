"""Everything that a training run depends on, by name."""

from dataclasses import dataclass, field
from typing import Final

from cv.engine.labels import Attribute


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """Ranges of the random changes; see ``training.augment``."""

    rotation_degrees: float = 10.0
    scale: float = 0.08
    shift: float = 0.04
    brightness: float = 0.2
    contrast: float = 0.2
    tint: float = 0.06
    grey: float = 0.15
    low_resolution: float = 0.15
    erase: float = 0.2


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One run, which trains one branch. ``repeats`` is how often a set is seen in one epoch; rates are of AdamW.

    ``start`` names what is taken over: PUBLISHED, the weights in ``weights/``, or the best ones of another run; without
    one the trunk starts from dlib's. ``chip_px`` is the side of the chips that it sees. Rates fall over
    ``schedule_epochs``, where these are more than ``epochs``: a run that leaves the fall to the next one.
    """

    name: str
    branch: str
    repeats: dict[str, int]
    start: str | None = None
    seed: int = 20261122
    epochs: int = 10
    schedule_epochs: int | None = None
    batch_size: int = 64
    chip_px: int = 112
    trunk_rate: float = 1e-3
    head_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 200
    ema_decay: float = 0.998
    dropout: float = 0.1
    label_smoothing: float = 0.05
    task_weights: dict[Attribute, float] = field(
        default_factory=lambda: {
            Attribute.AGE: 1.0,
            Attribute.GENDER: 1.0,
            Attribute.RACE: 1.0,
            Attribute.EXPRESSION: 1.0,
            Attribute.BEAUTY: 0.4,
        }
    )
    augment: AugmentConfig = field(default_factory=AugmentConfig)


PUBLISHED: Final = "published"
_FACES = {"utkface": 1, "mebeauty": 2, "omi": 1}
_EXPRESSIONS = {"fer2013": 1, "facial_expressions": 1}
# Thirty epochs see every face often enough to learn it by heart; seen changed more, it is not.
_STRONG = AugmentConfig(rotation_degrees=15, scale=0.12, shift=0.06, brightness=0.3, contrast=0.3, erase=0.35)

CONFIGS: dict[str, TrainConfig] = {
    config.name: config
    for config in (
        TrainConfig("identity", "identity", _FACES, start=PUBLISHED, epochs=30, dropout=0.2, augment=_STRONG),
        TrainConfig(
            "expression",
            "expression",
            _EXPRESSIONS,
            start=PUBLISHED,
            epochs=30,
            dropout=0.2,
            label_smoothing=0.1,
            augment=_STRONG,
        ),
        TrainConfig("smoke", "identity", {"mebeauty": 1}, epochs=1, batch_size=16, warmup_steps=1),
    )
}
