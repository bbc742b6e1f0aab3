"""The vision app."""

from django.apps import AppConfig


class CvConfig(AppConfig):
    name = "cv"
    verbose_name = "Face analysis"

    def ready(self) -> None:
        from cv import checks  # noqa: F401  (registers the system checks)
