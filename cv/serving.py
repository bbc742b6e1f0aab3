"""The one engine that this process serves with, and the gate before it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from cv.engine.types import AnalysisOptions, AnalysisResult
from cv.gate import EngineGate
from xcloud.metrics import FACES, STAGE_SECONDS

if TYPE_CHECKING:
    from cv.engine.pipeline import Engine


def served_engine() -> Engine:
    """Loads the engine on the first call. Raises ModelNotReady."""
    # Imported here: the inference libraries take seconds to load, and migrations and checks do without them.
    from cv.engine.runtime import get_engine

    return get_engine(settings.XCLOUD_ENGINE)


@cache
def engine_gate() -> EngineGate:
    return EngineGate(settings.XCLOUD_ENGINE_SLOTS, settings.XCLOUD_ENGINE_QUEUE, settings.XCLOUD_ENGINE_PATIENCE_S)


def nobody_left() -> None:
    """For callers that cannot tell whether their client still waits."""


def analyzed(data: bytes, options: AnalysisOptions, check_client: Callable[[], None] = nobody_left) -> AnalysisResult:
    """The image through the engine when its turn comes. Raises EngineError, Overloaded, what ``check_client`` does."""
    engine = served_engine()
    with engine_gate().slot(check_client):
        result = engine.analyze(data, options)
    note(result)
    return result


def note(result: AnalysisResult) -> None:
    """Tells the metrics of an image that went through the engine."""
    for stage in ("decode", "detect", "attributes", "total"):
        STAGE_SECONDS.labels(stage).observe(getattr(result.timing_ms, stage) / 1000)
    FACES.inc(len(result.faces))
