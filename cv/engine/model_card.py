"""The public description of a model in service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelCard:
    """``sha256`` is of the weights file that serves, or of the code if there are no weights. ``chip_size`` is the side
    in pixels of what the model sees, ``labels`` has the classes of its outputs in the order of their logits, and
    ``outputs`` are those that it gives; a model that serves whatever is asked for gives none.
    ``interval_coverage`` is None for a model without intervals. ``metrics`` were measured on ``val`` by the served
    pipeline; ``training`` has the command that made the model, with its settings, versions and day.
    """

    name: str
    version: str
    sha256: str
    licence: str
    architecture: str = ""
    chip_size: int | None = None
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trained_on: tuple[str, ...] = ()
    interval_coverage: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
