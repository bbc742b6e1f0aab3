"""The base of all views: JSON, limits on the body, the caller's scope, and headers."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.exceptions import NO_ROUTE
from api.negotiation import AlwaysJson
from api.sources import refuse_compressed_body, refuse_huge_body
from cv.choices import Scope
from cv.engine.types import Timing
from cv.services import request_finish, request_forget
from cv.services.idempotency import Begun

Row = TypeVar("Row", bound=Model)


class JsonView(APIView):
    """Answers JSON whatever is asked for, and reads no body that is too large."""

    content_negotiation_class = AlwaysJson
    # The scope that each method needs; a method that is not named needs only a known caller.
    scopes: ClassVar[dict[str, Scope]] = {}
    # What a POST made or filled: the answer kept for an Idempotency-Key is deleted with it.
    analysis_id: UUID | None = None
    job_id: UUID | None = None
    collection_id: UUID | None = None
    # What the throttle counted, if the caller has a limit.
    rate_headers: Mapping[str, str] = {}
    # The request with an Idempotency-Key that is in progress, until its answer is remembered.
    begun: Begun | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything else, because checking a session's CSRF token may read the body.
        refuse_compressed_body(request)
        self.check_body(request)
        super().initial(request, *args, **kwargs)

    def check_body(self, request: Request) -> None:
        """Refuses a body that is too large, before it is read."""
        refuse_huge_body(request)

    def remember(self, response: Response) -> Response:
        """Keeps the answer for the request's Idempotency-Key, if it has one; see ``api.idempotency``.

        Raises IdempotencyConflict.
        """
        if self.begun is not None:
            about = (self.analysis_id, self.job_id, self.collection_id)
            request_finish(self.begun, response.status_code, response.data, *about)
            self.begun = None
        return response

    def forget(self) -> None:
        """Keeps no answer for the request's Idempotency-Key: if it is sent again, it is done again."""
        if self.begun is not None:
            request_forget(self.begun)
            self.begun = None

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        # Faces of people: must not be in shared caches, be reused without asking the server, or stay on the disk of a
        # browser, whose next user may be someone else.
        kept = "no-cache" if "Authorization" in request.headers else "no-store"
        response.headers.setdefault("Cache-Control", f"private, {kept}")
        patch_vary_headers(response, ["Authorization", "Cookie"])
        for name, value in self.rate_headers.items():
            response.headers[name] = value
        return response


def model_headers(answered: Any, timed: bool = True) -> dict[str, str]:
    """Headers for a result or a stored analysis: the model, and the time of each stage."""
    headers = {"X-Model-Version": f"{answered.model.name}/{answered.model.version}"}
    if timed:
        headers["Server-Timing"] = timing_header(answered.timing_ms)
    return headers


def timing_header(timing: Timing) -> str:
    stages = ("decode", "detect", "attributes", "total")
    return ", ".join(f"{name};dur={getattr(timing, name):.1f}" for name in stages)


def page_response(pages: Any, data: Any) -> Response:
    """``{"next", "previous", "results"}``."""
    answer: Response = pages.get_paginated_response(data)
    return answer


def find_row(rows: QuerySet[Row], key: UUID | int) -> Row:
    """The row with this id. Raises NotFound, which names the missing object."""
    try:
        return rows.get(pk=key)
    except ObjectDoesNotExist:
        raise NotFound(f"no {rows.model._meta.verbose_name} has this id") from None


class NoSuchRouteView(JsonView):
    """Every other path below /api: a 404 in JSON, logged in or not."""

    schema = None
    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(NO_ROUTE)
