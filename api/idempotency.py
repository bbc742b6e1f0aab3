"""``Idempotency-Key``: a POST that is sent twice runs once, and both answers are the same."""

import hashlib
import json
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller_of
from api.sources import body_of
from cv.services import request_begin, request_forget
from cv.services.idempotency import Answer

if TYPE_CHECKING:
    from api.views.base import JsonView

Handler = Callable[..., Response]

HEADER = "Idempotency-Key"
SANE_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotent(handler: Handler) -> Handler:
    """Decorates a view's ``post``. Failures are not remembered: the client may try again with the same key.

    A handler that saves something calls the view's ``remember`` with its answer, in the transaction that saves: a
    worker that is killed leaves both or neither. Without that, the answer is remembered once the handler is done.
    """

    @wraps(handler)
    def once(view: "JsonView", request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not SANE_KEY.fullmatch(key):
            raise ValidationError({HEADER: ["must be 1 to 255 visible ASCII characters"]})
        begun = request_begin(caller_of(request), key, content_of(request))
        if isinstance(begun, Answer):
            return Response(begun.body, status=begun.status, headers={"Idempotency-Replayed": "true"})
        view.begun = begun
        try:
            response = handler(view, request, *args, **kwargs)
            if view.begun is not None and status.is_success(response.status_code):
                view.remember(response)
        except BaseException:
            request_forget(begun)
            raise
        if view.begun is not None:
            request_forget(begun)
        return response

    return once


def content_of(request: Request) -> str:
    """Method, address and fields as text; not the bytes, because a form's boundary differs with each try."""
    body = body_of(request)
    content = _form(body) if isinstance(body, QueryDict) else body
    return json.dumps([request.method, request.get_full_path(), content], sort_keys=True)


def _form(form: QueryDict) -> list[list[Any]]:
    return sorted([name, [_value(value) for value in values]] for name, values in form.lists())


def _value(value: Any) -> str:
    if not isinstance(value, UploadedFile):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return f"sha256:{digest.hexdigest()}"
