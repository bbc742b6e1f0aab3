"""The browser interface as a Django app: pages, admin and template tags. It has no tables."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "web"
    verbose_name = "Pages and admin"

    def ready(self) -> None:
        from web.admin.tables import translate_tables

        translate_tables()
