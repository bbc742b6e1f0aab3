"""For whoever restarts or routes: is the process alive, and can it answer?"""

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from api.exceptions import envelope
from cv.engine.errors import ModelNotReady
from cv.serving import served_engine

log = logging.getLogger(__name__)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: touches neither the database nor the model."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Ready: the database answers and the engine is loaded; loads it where it is not."""
    problems: dict[str, list[str]] = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("the database does not answer")
        problems["database"] = ["does not answer"]
    try:
        served_engine()
    except ModelNotReady as error:
        log.exception("the model is not ready")
        problems["model"] = [str(error)]
    if problems:
        body = envelope("model_not_ready", f"not ready: {', '.join(problems)}", problems)
        return JsonResponse(body, status=503, headers={"Retry-After": "10"})
    return JsonResponse({"status": "ready"})
