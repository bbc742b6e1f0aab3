"""Sends the same request from several clients at the same time."""

import threading
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

from cv.models import Analysis

CLIENTS = 4


def sent_together(key: str, path: str, body: Any) -> dict[str, Any]:
    """The answer to each client (status, and id if there is one), and the number of analyses afterwards."""
    answers: list[tuple[int, str | None]] = []
    together = threading.Barrier(CLIENTS)

    def post() -> None:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        together.wait()
        try:
            answer = client.post(path, body, HTTP_IDEMPOTENCY_KEY="order-1")
            answers.append((answer.status_code, answer.json().get("id")))
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"answers": answers, "analyses": Analysis.objects.count()}
