"""The metrics for Prometheus: requests, stages, queue, faces and errors. No label names a person, a key or a file."""

from prometheus_client import Counter, Gauge, Histogram

# From a cached read to a large photo on a slow machine.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter("xcloud_requests", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("xcloud_request_seconds", "Time to answer", ["method", "route"], buckets=SECONDS)
ERRORS = Counter("xcloud_errors", "API errors by their stable code", ["code"])
STAGE_SECONDS = Histogram("xcloud_engine_stage_seconds", "Time of an image in each stage", ["stage"], buckets=SECONDS)
FACES = Counter("xcloud_faces", "Faces found")
# livesum: with several workers (PROMETHEUS_MULTIPROC_DIR), the sum over those alive.
ENGINE_BUSY = Gauge("xcloud_engine_busy", "Images in the engine now", multiprocess_mode="livesum")
ENGINE_QUEUED = Gauge(
    "xcloud_engine_admitted", "Image requests admitted: in progress or waiting", multiprocess_mode="livesum"
)
DELIVERIES = Counter("xcloud_webhook_deliveries", "Attempts to deliver a webhook", ["outcome"])
