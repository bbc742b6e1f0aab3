"""Everything that a training run depends on, by name."""

from dataclasses import dataclass, field

from cv.engine.labels import Attribute


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """Ranges of the random changes; see ``training.augment``."""

    rotation_degrees: float = 14.0
    scale: float = 0.10
    shift: float = 0.05
    brightness: float = 0.25
    contrast: float = 0.25
    tint: float = 0.08
    grey: float = 0.25
    low_resolution: float = 0.25
    erase: float = 0.3


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One run. ``repeats`` is how often a set is seen in one epoch; rates are of AdamW.

    ``start`` names the run whose best weights are taken over; without one the trunk starts from dlib's.
    """

    name: str
    start: str | None = None
    seed: int = 20261122
    epochs: int = 10
    batch_size: int = 96
    trunk_rate: float = 4e-4
    head_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 300
    ema_decay: float = 0.999
    dropout: float = 0.2
    label_smoothing: float = 0.05
    repeats: dict[str, int] = field(
        default_factory=lambda: {"utkface": 1, "fer2013": 1, "facial_expressions": 1, "mebeauty": 4, "omi": 1}
    )
    task_weights: dict[Attribute, float] = field(
        default_factory=lambda: {
            Attribute.AGE: 1.0,
            Attribute.GENDER: 0.7,
            Attribute.RACE: 1.0,
            Attribute.EXPRESSION: 1.0,
            Attribute.BEAUTY: 0.4,
        }
    )
    augment: AugmentConfig = field(default_factory=AugmentConfig)


CONFIGS: dict[str, TrainConfig] = {
    config.name: config
    for config in (
        TrainConfig(name="first", epochs=5),
        TrainConfig(name="second", start="first", epochs=7, batch_size=64, head_rate=1e-3),
        TrainConfig(name="smoke", epochs=1, batch_size=16, warmup_steps=1, repeats={"mebeauty": 1}),
    )
}
