"""Reading a list costs the same number of queries however long it is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from cv.choices import AuditAction, Scope, WebhookEvent
from cv.models import ApiKey, Webhook
from cv.services import api_key_create, audit_note, event_emit, webhook_create
from cv.trust.caller import Caller
from tests.factories import close, face_result, stored_analysis

# Each list with its queries: the key and its owner; the rows; their related rows; other look-ups and writes.
LISTS = {
    "/api/v1/analyses": 6,
    "/api/v1/analyses?gender=female&min_age=1&subject=visitor": 6,
    "/api/v1/subjects/visitor/export": 14,
    "/api/v1/api-keys": 2,
    "/api/v1/webhooks": 2,
    "/api/v1/webhooks/{webhook}/deliveries": 3,
    "/api/v1/audit": 2,
    "/api/v1/audit?actor=key:1&action=analysis.list": 2,
}


@pytest.fixture
def full(user: User) -> tuple[ApiKey, str]:
    row, text = api_key_create("everything", user, scopes=list(Scope))
    # Used just now, so that no request of the test writes the time of use.
    row.last_used_at = timezone.now()
    row.save()
    return row, text


@pytest.fixture
def add(full: tuple[ApiKey, str], user: User) -> Callable[[], None]:
    """Adds a row to every list."""
    caller = Caller(user=user, api_key=full[0])

    def one_more() -> None:
        stored_analysis(caller, face_result(0), face_result(1), subject="visitor")
        api_key_create("another", user)
        webhook_create("https://example.org/", [WebhookEvent.SUBJECT_ERASED])
        event_emit(WebhookEvent.SUBJECT_ERASED, {})
        audit_note(caller, AuditAction.ANALYSIS_LIST)

    return one_more


@pytest.mark.parametrize(("path", "expected"), LISTS.items())
def test_a_list_takes_as_many_queries_for_twenty_rows_as_for_one(
    path: str, expected: int, full: tuple[ApiKey, str], add: Callable[[], None], client_of: Callable[[str], APIClient]
) -> None:
    client = client_of(full[1])

    def queries() -> tuple[int, Any]:
        with CaptureQueriesContext(connection) as context:
            answer = client.get(path.format(webhook=webhook.pk))
        assert answer.status_code == 200
        close(answer)
        return len(context), [query["sql"][:80] for query in context.captured_queries]

    add()
    webhook = Webhook.objects.get()
    assert queries() == (expected, queries()[1])
    for _ in range(19):
        add()
    assert queries()[0] == expected
