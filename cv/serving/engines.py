"""The engines of this process, and the gate that limits access to them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from django.conf import settings

from cv.engine.edits.types import Edit, EditedPicture
from cv.engine.errors import ModelNotReady
from cv.engine.pool import EngineDied, EnginePool, EnginesBusy, get_pool
from cv.engine.types import AnalysisOptions, AnalysisResult
from cv.engine.video.types import VideoResult
from cv.serving.gate import EngineGate, Overloaded
from telemetry.metrics import ENGINE_BUSY, FACES, STAGE_SECONDS

Answer = TypeVar("Answer")
Ask = Callable[[Callable[[], None], float, Callable[[], float]], Answer]


def served_engine() -> EnginePool:
    """The pool of engines; each is loaded when it is first needed. Raises ModelNotReady."""
    return get_pool(settings.XCLOUD_ENGINE, settings.XCLOUD_ENGINE_SLOTS)


def start_engines() -> None:
    """Starts the engines before the first request. If weights are missing, the first request reports it."""
    with contextlib.suppress(ModelNotReady):
        served_engine().start()


@cache
def engine_gate() -> EngineGate:
    slots = settings.XCLOUD_ENGINE_SLOTS
    # One more than there are engines, so that no engine is idle until the next thread wakes.
    return EngineGate(slots + settings.XCLOUD_ENGINE_QUEUE, slots + 1, ahead=slots)


def assume_connected() -> None:
    """The default of ``check_client``, for callers that cannot tell whether their client still waits."""


def analyzed(
    data: bytes, options: AnalysisOptions, caller: str, check_client: Callable[[], None] = assume_connected
) -> AnalysisResult:
    """Analyzes an image of ``caller`` when its turn comes.

    Raises EngineError, Overloaded, and what ``check_client`` raises.
    """
    result = _in_turn(lambda *turn: served_engine().analyze(data, options, *turn), caller, check_client)
    note(result)
    return result


def edited(data: bytes, edit: Edit, caller: str, check_client: Callable[[], None] = assume_connected) -> EditedPicture:
    """Edits a picture of ``caller`` when its turn comes. Raises as ``analyzed`` does."""
    return _in_turn(lambda *turn: served_engine().edit(data, edit, *turn), caller, check_client)


def _in_turn(ask: Ask[Answer], caller: str, check_client: Callable[[], None]) -> Answer:
    """Waits for the caller's turn; then ``ask`` gets what to call when an engine is free, the patience that is left,
    and the rank among those who wait."""
    with (
        engine_gate().admitted(caller, settings.XCLOUD_ENGINE_PATIENCE_S) as admission,
        contextlib.ExitStack() as turn,
    ):

        def on_turn() -> None:
            check_client()
            # If an engine dies, its image gets a second turn.
            turn.close()
            ENGINE_BUSY.inc()
            turn.callback(ENGINE_BUSY.dec)

        try:
            return ask(on_turn, admission.patience_s, admission.rank)
        except EnginesBusy as error:
            raise Overloaded("no engine became free in time; try again later") from error
        except EngineDied as error:
            raise Overloaded("the engine ended twice while it worked on this image; try again later") from error


def note_video(result: VideoResult) -> None:
    """Records a video in the metrics: its people count as faces. Its times are not those of an image."""
    FACES.inc(len(result.people))


def note(result: AnalysisResult) -> None:
    """Records an analyzed image in the metrics."""
    for stage in ("decode", "detect", "attributes", "total"):
        STAGE_SECONDS.labels(stage).observe(getattr(result.timing_ms, stage) / 1000)
    FACES.inc(len(result.faces))
