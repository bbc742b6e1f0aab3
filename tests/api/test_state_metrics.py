"""The metrics of jobs and webhooks, and the dashboard and the alerts that use all metrics."""

import base64
import json
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import yaml
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from cv.choices import WebhookEvent
from cv.models import Job, JobItem, WebhookDelivery
from cv.services import items_claim
from cv.services.webhooks import event_emit, webhook_create
from cv.trust.caller import Caller
from telemetry.metrics import DELIVERIES
from tests.jobs import archive, made_job, new_job

ROOT: Final = Path(__file__).resolve().parents[2]
# A metric in a query, with the labels that it is selected by.
METRIC: Final = re.compile(r"(xcloud_\w+)(?:\{([^}]*)\})?")
GROUPED: Final = re.compile(r"by \(([^)]*)\)")


def samples(client: Client) -> dict[str, dict[str, float]]:
    """Of each metric: its values, by the labels."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[",".join(sample.labels.values())] = sample.value
    return found


def test_jobs_are_counted_with_their_images(client: Client, caller: Caller, empty_scene: bytes) -> None:
    made_job(caller, archive((f"{name}.jpg", empty_scene) for name in "abc"))
    waits = new_job(caller, archive([("d.jpg", empty_scene)]))
    Job.objects.filter(pk=waits.pk).update(created_at=timezone.now() - timedelta(seconds=90))
    now = timezone.now()
    assert items_claim(1, now) is not None
    assert items_claim(1, now - timedelta(hours=1)) is None
    JobItem.objects.filter(index=1).update(state="done", due_at=None, finished_at=now)
    JobItem.objects.filter(state="running").update(due_at=now - timedelta(seconds=1))
    found = samples(client)
    assert (found["xcloud_jobs"]["running"], found["xcloud_jobs"]["listing"]) == (1, 1)
    assert found["xcloud_job_images"] == {"pending": 1, "running": 1, "done": 1, "failed": 0, "cancelled": 0}
    assert found["xcloud_job_images_finished_last_minute"][""] == 1
    assert found["xcloud_job_images_abandoned"][""] == 1
    assert 90 <= found["xcloud_job_wait_seconds"][""] < 600
    assert found["xcloud_database_up"][""] == 1


def test_webhooks_are_counted_with_what_waits_for_them(client: Client, db: None) -> None:
    webhook_create("https://example.org/hook", [WebhookEvent.JOB_FINISHED])
    event_emit(WebhookEvent.JOB_FINISHED, {"id": "1"}, {"id": "2"})
    late = WebhookDelivery.objects.first()
    assert late is not None
    WebhookDelivery.objects.filter(pk=late.pk).update(
        attempts=1, next_attempt_at=timezone.now() - timedelta(seconds=400)
    )
    found = samples(client)
    assert found["xcloud_webhooks"][""] == 1
    assert found["xcloud_webhook_deliveries_pending"][""] == 2
    assert found["xcloud_webhook_deliveries_retried"][""] == 1
    assert 400 <= found["xcloud_webhook_late_seconds"][""] < 1000


def test_without_the_database_the_other_metrics_are_there(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise DatabaseError

    monkeypatch.setattr("api.state_metrics._of_jobs", away)
    found = samples(client)
    assert found["xcloud_database_up"][""] == 0
    assert "xcloud_faces_total" in found
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert found["xcloud_build_info"] == {version: 1}


def queries() -> dict[str, str]:
    """Every query of the dashboard and of the alerts, by its title."""
    panels = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())["panels"]
    found = {f"{panel['title']} {target['refId']}": target["expr"] for panel in panels for target in panel["targets"]}
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus-alerts.yml").read_text())["groups"]:
        found |= {rule["alert"]: rule["expr"] for rule in group["rules"]}
    return found


def test_the_dashboard_and_the_alerts_ask_for_metrics_and_labels_that_exist(
    client: Client, api: APIClient, two_faces: bytes
) -> None:
    assert api.post("/api/v1/analyses", {"image": base64.b64encode(two_faces).decode()}).status_code == 201
    api.post("/api/v1/analyses", {"image": "AAAA"})
    DELIVERIES.labels("delivered").inc(0)
    labels: dict[str, set[str]] = {}
    values: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").content.decode()):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
            values.setdefault(sample.name, set()).update(sample.labels.values())
    asked = queries()
    assert len(asked) > 25
    for title, query in asked.items():
        for name, selected in METRIC.findall(query):
            assert name in labels, f"{title}: no metric {name}"
            for label, value in re.findall(r'(\w+)="([^"]*)"', selected):
                assert label in labels[name], f"{title}: {name} has no label {label}"
                # A code is counted when it first happens.
                assert value in values[name] or label == "code", f"{title}: {name} never has {label}={value}"
            for label in re.findall(r"\w+", ",".join(GROUPED.findall(query))):
                assert label in labels[name], f"{title}: {name} has no label {label}"
