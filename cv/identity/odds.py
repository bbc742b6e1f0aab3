"""The model that compares faces in this installation, and the odds that its cosines have."""

import json
import logging
from functools import cache
from pathlib import Path

from django.conf import settings

from cv.engine.errors import ModelNotReady
from cv.engine.manifest import Model
from cv.engine.odds import Odds, read_odds
from cv.engine.outputs import EMBEDDING
from cv.identity.errors import IdentityOff
from cv.serving.engines import served_engine

log = logging.getLogger(__name__)


def identity_model() -> Model:
    """The model in service whose vectors are compared. Raises IdentityOff, ModelNotReady."""
    if not settings.XCLOUD_IDENTITY:
        raise IdentityOff
    return served_engine().catalog.model_of(EMBEDDING.name)


def served_odds() -> Odds:
    """The operator's own, if they were fitted with the model in service; else those published with the model.

    Raises IdentityOff, ModelNotReady.
    """
    model = identity_model()
    own = _own_odds(settings.XCLOUD_IDENTITY_ODDS, model.card.sha256)
    if own is not None:
        return own
    if model.odds is None:
        raise ModelNotReady(f"{model.card.name} has no odds in the manifest")
    return model.odds


@cache
def _own_odds(file: Path, model_sha256: str) -> Odds | None:
    try:
        fitted = json.loads(file.read_text(encoding="utf-8"))
        if fitted["model"] != model_sha256:
            log.warning("the odds in %s are of another model, so they are not used", file.name)
            return None
        return read_odds(fitted)
    except FileNotFoundError:
        return None
    except (OSError, KeyError, TypeError, ValueError) as error:
        log.error("the odds in %s cannot be read, so the published ones are used: %s", file.name, error)
        return None
