"""The pages' languages: which one a visitor gets, and the texts of the scripts in it."""

import json
from collections.abc import Iterable
from typing import Any, Final

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.views.i18n import JavaScriptCatalog

from web.words import script_words

# Paths that programs read: always English, so that no parser depends on a header.
MACHINES: Final = ("/api/", "/cv/", "/healthz", "/readyz", "/metrics")


class PageLocaleMiddleware(LocaleMiddleware):
    """The visitor's language on the pages and in the admin; English for programs."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(MACHINES):
            translation.activate(settings.LANGUAGE_CODE)
        else:
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if request.path_info.startswith(MACHINES) else super().process_response(request, response)


class Texts(JavaScriptCatalog):
    """``gettext`` and related functions for the pages' scripts, and ``words``: names of outputs, labels and so on."""

    packages = ["cv"]

    def get_paths(self, packages: Iterable[str]) -> list[Any]:
        return list(settings.LOCALE_PATHS)

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_to_response(context, **response_kwargs)
        # The encoder writes each text in the visitor's language.
        response.write(f"\nwindow.words = {json.dumps(script_words(), cls=DjangoJSONEncoder)};\n")
        return response
