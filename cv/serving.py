"""The one engine that this process serves with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cv.engine.pipeline import Engine


def served_engine() -> Engine:
    """Loads the engine on the first call. Raises ModelNotReady."""
    # Imported here: the inference libraries take seconds to load, and migrations and checks do without them.
    from cv.engine.runtime import get_engine

    return get_engine(settings.XCLOUD_ENGINE)
