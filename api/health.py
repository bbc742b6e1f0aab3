"""For whoever restarts, routes or watches: is the process alive, can it answer, and how is it doing?"""

import contextlib
import hmac
import logging
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.exceptions import envelope
from cv.engine.errors import ModelNotReady
from cv.engine.pool import EngineDied, EngineFailed, EnginesBusy
from cv.serving.engines import served_engine

log = logging.getLogger(__name__)

# Who asks has a thread of the server for as long.
PATIENCE_S: Final = 1.0


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """What Prometheus collects: counts and times, nothing about anyone; behind a token where the settings name one."""
    token = settings.XCLOUD_METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        body = envelope("unauthenticated", "Authorization: send the metrics token as `Bearer TOKEN`")
        return JsonResponse(body, status=401, headers={"WWW-Authenticate": 'Bearer realm="XCloud metrics"'})
    return HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


def _registry() -> CollectorRegistry:
    """This process's numbers, or with several workers (PROMETHEUS_MULTIPROC_DIR) those of all of them."""
    if not settings.PROMETHEUS_MULTIPROC_DIR:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: touches neither the database nor the model."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Ready: the database answers and an engine is loaded; loads one where none is. Being busy is being ready, as long
    as one image after another is answered.
    """
    problems: dict[str, list[str]] = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("the database does not answer")
        problems["database"] = ["does not answer"]
    try:
        _check_engines()
    except (ModelNotReady, EngineDied, EngineFailed, OSError) as error:
        log.exception("the model is not ready")
        problems["model"] = [str(error)]
    if problems:
        body = envelope("model_not_ready", f"not ready: {', '.join(problems)}", problems)
        return JsonResponse(body, status=503, headers={"Retry-After": "10"})
    return JsonResponse({"status": "ready"})


def _check_engines() -> None:
    """Raises ModelNotReady, EngineFailed, and EngineDied, also where none answers for as long as an image may take."""
    engines = served_engine()
    if engines.silent_s() > settings.XCLOUD_ENGINE.image_seconds:
        raise EngineDied(f"no engine has answered for {engines.silent_s():.0f} s")
    with contextlib.suppress(EnginesBusy):
        engines.check(patience_s=PATIENCE_S)
