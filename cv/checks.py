"""The project's own checks for ``manage.py check``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.files.storage import FileSystemStorage, default_storage

from cv.engine.catalog import read_catalog
from cv.engine.errors import ModelNotReady
from cv.engine.outputs import EMBEDDING


@register()
def weights_are_there(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Only a warning, because migrations and keys can be made before the weights exist."""
    try:
        catalog = read_catalog(settings.XCLOUD_ENGINE)
    except ModelNotReady as error:
        return [Warning(f"no image can be analyzed: {error}", id="cv.W001")]
    try:
        if settings.XCLOUD_IDENTITY:
            catalog.model_of(EMBEDDING.name)
    except ModelNotReady as error:
        what = f"XCLOUD_IDENTITY is on, but the weights (XCLOUD_WEIGHTS) cannot compare faces: {error}"
        return [Warning(what, id="cv.W002")]
    return []


@register()
def pictures_are_private(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Kept pictures must be outside every folder of static files."""
    if not isinstance(default_storage, FileSystemStorage):
        return []
    pictures = Path(default_storage.location).resolve()
    served = [Path(folder).resolve() for folder in (settings.STATIC_ROOT, *settings.STATICFILES_DIRS)]
    return [
        Error(f"kept pictures ({pictures}) lie in a folder that is served to everyone ({folder})", id="cv.E001")
        for folder in served
        if pictures.is_relative_to(folder)
    ]
