"""The words of tables, columns and choices in the visitor's language. The domain has them in plain English."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db.models import Field, Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from web.words import LABELS


def translate_tables() -> None:
    """Once, when the process starts. Migrations are not concerned: they go by what the models declare."""
    app = apps.get_app_config("cv")
    app.verbose_name = _lazily(app.verbose_name)
    for model in app.get_models():
        _translate(model)


def _translate(model: type[Model]) -> None:
    options: Any = model._meta
    # First, because Django makes the plural of the singular.
    options.verbose_name_plural = gettext_lazy(str(options.verbose_name_plural))
    options.verbose_name = _lazily(options.verbose_name)
    for field in options.local_fields:
        field.verbose_name = _lazily(field.verbose_name)
        if field.choices:
            _translate_choices(field)


def _translate_choices(field: "Field[Any, Any]") -> None:
    field.choices = translated(field.flatchoices)


def translated(choices: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The choices with their labels in the visitor's language."""
    return [(value, LABELS.get(value) or _lazily(label)) for value, label in choices]


def _lazily(text: Any) -> Any:
    return text if isinstance(text, Promise) else gettext_lazy(text)
