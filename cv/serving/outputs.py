"""Which outputs this installation serves: those of the engine and of plugins, or fewer if the settings say so."""

import logging

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from cv.engine.catalog import load_plugins
from cv.engine.errors import ModelNotReady
from cv.engine.outputs import all_outputs

log = logging.getLogger(__name__)


def load_outputs() -> None:
    """Imports the plugins, so that every door knows their outputs; called once, before anything is served.

    Raises ImproperlyConfigured if XCLOUD_ATTRIBUTES names an output that is not known.
    """
    try:
        load_plugins(settings.XCLOUD_ENGINE.plugins)
    except ModelNotReady as error:
        # The server stays up: `check` and /readyz name the plugin.
        log.error("%s", error)
        return
    known = {output.name for output in all_outputs()}
    if unknown := (settings.XCLOUD_ATTRIBUTES or frozenset()) - known:
        raise ImproperlyConfigured(
            f"XCLOUD_ATTRIBUTES must be some of {', '.join(sorted(known))}, not {', '.join(sorted(unknown))}"
        )


def served_outputs() -> frozenset[str]:
    """What a caller may ask for unless a key is held to less."""
    public = frozenset(output.name for output in all_outputs() if output.public)
    return public if settings.XCLOUD_ATTRIBUTES is None else public & settings.XCLOUD_ATTRIBUTES
