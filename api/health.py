"""Endpoints for monitoring: liveness, readiness and metrics."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.exceptions import envelope
from api.readiness import problems
from api.state_metrics import STATE


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics: counts and times, no personal data; requires a token if the settings have one."""
    token = settings.XCLOUD_METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        body = envelope("unauthenticated", "Authorization: send the metrics token as `Bearer TOKEN`")
        return JsonResponse(body, status=401, headers={"WWW-Authenticate": 'Bearer realm="XCloud metrics"'})
    text = generate_latest(_registry()) + generate_latest(STATE)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _registry() -> CollectorRegistry:
    """This process's metrics or, with several workers (PROMETHEUS_MULTIPROC_DIR), those of all workers."""
    if not settings.PROMETHEUS_MULTIPROC_DIR:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: depends on nothing else."""
    return JsonResponse({"status": "ok", "version": settings.XCLOUD_VERSION})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Ready: the database can be written, the disk has room, the limits are counted and an engine is loaded."""
    found = problems()
    if found:
        details = {problem.part: [problem.reason] for problem in found}
        body = envelope(found[0].code, f"not ready: {', '.join(details)}", details)
        return JsonResponse(body, status=503, headers={"Retry-After": "10"})
    return JsonResponse({"status": "ready"})
