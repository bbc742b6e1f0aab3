"""Everything that a training run depends on, by name."""

from dataclasses import dataclass, field, replace
from typing import Final

from cv.engine.labels import Attribute


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """Ranges of the random changes; see ``training.data.augment``."""

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
    one the trunk starts from dlib's. Its first ``frozen`` parts stay as they are. ``mixup`` is the ``alpha`` of
    ``training.data.augment.mixed``, ``teacher_share`` the ``share`` of ``training.data.teacher.taught``.
    """

    name: str
    branch: str
    repeats: dict[str, int]
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
    teacher_share: float = 0.0
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
_EXPRESSIONS = {"fer2013": 1, "facial_expressions": 1}
# Seen often enough a face is learned by heart; seen changed more, it is not.
_STRONG = AugmentConfig(rotation_degrees=15, scale=0.12, shift=0.06, brightness=0.3, contrast=0.3, erase=0.35)

# dlib's first stages learned from three million faces. With them kept as they are, an epoch is worth about as much and
# takes a third of the time, which more epochs make use of.
_IDENTITY = TrainConfig(
    "identity",
    "identity",
    {"utkface": 1, "mebeauty": 3, "omi": 1},
    frozen=3,
    epochs=20,
    trunk_rate=5e-4,
    dropout=0.2,
    label_smoothing=0.0,
    mixup=0.2,
    teacher_share=0.5,
    augment=_STRONG,
)

CONFIGS: dict[str, TrainConfig] = {
    config.name: config
    for config in (
        _IDENTITY,
        # Blended faces have blended ages: the last epochs see whole ones.
        replace(_IDENTITY, name="identity-end", start="identity", epochs=3, trunk_rate=2e-4, head_rate=4e-4, mixup=0.0),
        TrainConfig(
            "expression",
            "expression",
            _EXPRESSIONS,
            start=PUBLISHED,
            frozen=2,
            epochs=12,
            trunk_rate=4e-4,
            head_rate=8e-4,
            dropout=0.2,
            label_smoothing=0.1,
            mixup=0.2,
            teacher_share=0.3,
            augment=_STRONG,
        ),
        TrainConfig("smoke", "identity", {"mebeauty": 1}, epochs=1, batch_size=16, warmup_steps=1),
    )
}
