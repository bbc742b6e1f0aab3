"""What pages and the admin answer while the storage of kept files is away; the API has its own words for it."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cv.files.stores import StorageUnavailable

log = logging.getLogger(__name__)


class StorageOutageMiddleware:
    """A 503 that says to come back, where a view let StorageUnavailable through."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, StorageUnavailable):
            return None
        log.error(exception.code, exc_info=exception, extra={"code": exception.code})
        response = render(request, "503.html", status=503)
        response["Retry-After"] = "10"
        return response
