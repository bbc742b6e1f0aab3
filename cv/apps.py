"""The vision app."""

import contextlib
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_delete


class CvConfig(AppConfig):
    name = "cv"
    verbose_name = "Face analysis"

    def ready(self) -> None:
        from django.conf import settings

        from cv import checks  # noqa: F401  (registers the system checks)
        from cv.engine.catalog import load_plugins
        from cv.engine.errors import ModelNotReady

        # What can be asked for is known before the first request. A plugin that fails is named by `check` and /readyz.
        with contextlib.suppress(ModelNotReady):
            load_plugins(settings.XCLOUD_ENGINE.plugins)
        post_migrate.connect(ensure_roles, sender=self)
        pre_delete.connect(remove_rows, sender="auth.User")


def remove_rows(instance: Any, **kwargs: Any) -> None:
    """Rows go with a user whoever deletes one, be it by a shell; their files must, too."""
    from cv.services.users import user_rows_remove

    user_rows_remove(instance)


def ensure_roles(**kwargs: Any) -> None:
    """Permissions are made after migrations, not in them; so are the groups that hold them."""
    from cv.services.roles import roles_ensure

    roles_ensure()
