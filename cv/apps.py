"""The vision app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_delete


class CvConfig(AppConfig):
    name = "cv"
    verbose_name = "Face analysis"

    def ready(self) -> None:
        from cv import checks  # noqa: F401  (registers the system checks)
        from cv.serving.outputs import load_outputs

        load_outputs()
        post_migrate.connect(ensure_roles, sender=self)
        pre_delete.connect(remove_rows, sender="auth.User")


def remove_rows(instance: Any, **kwargs: Any) -> None:
    """A deleted user's rows go with them, from a shell too; this removes their files as well."""
    from cv.services.users import user_rows_remove

    user_rows_remove(instance)


def ensure_roles(**kwargs: Any) -> None:
    """Permissions are made after migrations, not in them; so are the groups that hold them."""
    from cv.services.roles import roles_ensure

    roles_ensure()
