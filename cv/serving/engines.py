"""The engines that this process serves with, and the gate before them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache

from django.conf import settings

from cv.engine.errors import ModelNotReady
from cv.engine.pool import EngineDied, EnginePool, EnginesBusy, get_pool
from cv.engine.types import AnalysisOptions, AnalysisResult
from cv.serving.gate import EngineGate, Overloaded
from telemetry.metrics import ENGINE_BUSY, FACES, STAGE_SECONDS


def served_engine() -> EnginePool:
    """As many engines as may work at once; each is loaded when it is first needed. Raises ModelNotReady."""
    return get_pool(settings.XCLOUD_ENGINE, settings.XCLOUD_ENGINE_SLOTS)


def start_engines() -> None:
    """Before the first request needs them. Where weights are missing, that request is told so."""
    with contextlib.suppress(ModelNotReady):
        served_engine().start()


@cache
def engine_gate() -> EngineGate:
    slots = settings.XCLOUD_ENGINE_SLOTS
    # One more than the engines can take, so that none stands still until the next thread wakes.
    return EngineGate(slots + settings.XCLOUD_ENGINE_QUEUE, slots + 1)


def nobody_left() -> None:
    """For callers that cannot tell whether their client still waits."""


def analyzed(
    data: bytes, options: AnalysisOptions, caller: str, check_client: Callable[[], None] = nobody_left
) -> AnalysisResult:
    """The image of ``caller`` through the engine when its turn comes.

    Raises EngineError, Overloaded, what ``check_client`` does.
    """
    with (
        engine_gate().admitted(caller, settings.XCLOUD_ENGINE_PATIENCE_S) as patience_s,
        contextlib.ExitStack() as turn,
    ):

        def on_turn() -> None:
            check_client()
            # An image has a second turn if the engine of its first one ends.
            turn.close()
            ENGINE_BUSY.inc()
            turn.callback(ENGINE_BUSY.dec)

        try:
            result = served_engine().analyze(data, options, on_turn, patience_s)
        except EnginesBusy as error:
            raise Overloaded("no engine became free in time; try again later") from error
        except EngineDied as error:
            raise Overloaded("the engine ended twice while it worked on this image; try again later") from error
    note(result)
    return result


def note(result: AnalysisResult) -> None:
    """Tells the metrics of an image that went through the engine."""
    for stage in ("decode", "detect", "attributes", "total"):
        STAGE_SECONDS.labels(stage).observe(getattr(result.timing_ms, stage) / 1000)
    FACES.inc(len(result.faces))
