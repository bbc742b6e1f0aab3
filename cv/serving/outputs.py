"""The outputs that this installation serves: those of the engine and of plugins, unless the settings restrict them."""

import logging

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from cv.engine.catalog import load_plugins
from cv.engine.errors import ModelNotReady
from cv.engine.outputs import public_outputs
from cv.engine.published import load_published

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
    """The outputs that a caller may request unless the key is restricted."""
    public = frozenset(output.name for output in public_outputs())
    return public if settings.XCLOUD_ATTRIBUTES is None else public & settings.XCLOUD_ATTRIBUTES
