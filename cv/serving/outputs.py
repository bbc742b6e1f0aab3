"""The outputs that this installation serves: those of the engine and of plugins, unless the settings restrict them."""

import logging
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from cv.engine.catalog import load_plugins
from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.manifest import read_manifest
from cv.engine.outputs import all_outputs, public_outputs
from cv.engine.published import load_published
from cv.engine.readers.base import registered_readers

log = logging.getLogger(__name__)


def load_outputs() -> None:
    """Imports plugins and reads the models beside the weights, which register their outputs. Called once, at startup.

    Raises ImproperlyConfigured if XCLOUD_ATTRIBUTES names an unknown output.
    """
    try:
        load_plugins(settings.XCLOUD_ENGINE.plugins)
        load_published(settings.XCLOUD_ENGINE.models, settings.XCLOUD_ENGINE)
    except ModelNotReady as error:
        # The server still starts; `check` and /readyz report the plugin or the model.
        log.error("%s", error)
        return
    known = {output.name for output in public_outputs()}
    if unknown := (settings.XCLOUD_ATTRIBUTES or frozenset()) - known:
        raise ImproperlyConfigured(
            f"XCLOUD_ATTRIBUTES must be some of {', '.join(sorted(known))}, not {', '.join(sorted(unknown))}"
        )


def served_outputs() -> frozenset[str]:
    """The outputs that a caller may request unless the key is restricted: those that the weights have, and of them the
    ones in XCLOUD_ATTRIBUTES if that is set. Without it, those that an operator must name are left out."""
    given = _given_outputs(settings.XCLOUD_ENGINE)
    if settings.XCLOUD_ATTRIBUTES is None:
        return given.intersection(output.name for output in public_outputs() if not output.opt_in)
    return settings.XCLOUD_ATTRIBUTES & given.intersection(output.name for output in public_outputs())


def _given_outputs(config: EngineConfig) -> frozenset[str]:
    """The outputs of models and plugins; all that are known if the weights cannot be read, which /readyz reports."""
    try:
        given = _outputs_of_weights(config)
    except ModelNotReady:
        return frozenset(output.name for output in all_outputs())
    return given.union(*(reader.gives for reader in registered_readers()))


@lru_cache(maxsize=8)
def _outputs_of_weights(config: EngineConfig) -> frozenset[str]:
    """Raises ModelNotReady."""
    return frozenset(name for model in read_manifest(config.weights_dir).models for name in model.outputs)
