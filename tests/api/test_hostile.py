"""Every row of the table of hostile inputs gets exactly the answer that the table names."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from cv.models import Analysis
from tests.api.hostile import MEASURED, PAGE, TABLE, Hostile, document

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def send(api: APIClient) -> Callable[..., Any]:
    def sender(method: str, path: str, body: bytes, kind: str, **headers: str) -> Any:
        return api.generic(method, path, body, content_type=kind, **headers)

    return sender


@pytest.mark.parametrize("row", TABLE, ids=[f"{row.group}: {row.what}"[:90] for row in TABLE])
def test_hostile_input_is_answered_as_the_table_says(row: Hostile, send: Callable[..., Any], pictures: Path) -> None:
    answer = row.send(send)
    body = answer.json()
    code = body["error"]["code"] if "error" in body else ""
    assert (answer.status_code, code) == (row.status, row.code), body
    assert answer["Content-Type"] == "application/json"
    assert Analysis.objects.count() == (1 if row.status == 201 else 0)
    assert not pictures.exists()


def test_the_table_has_at_least_sixty_rows_each_once() -> None:
    names = [(row.group, row.what) for row in TABLE]
    assert len(names) == len(set(names)) >= 60


def test_the_document_shows_the_table() -> None:
    printed, _, _ = PAGE.read_text().partition(f"\n{MEASURED}")
    assert printed == document(), "run: python -m tests.api.hostile"


def test_every_test_that_the_document_names_is_there() -> None:
    tests = {
        name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    _, _, by_hand = PAGE.read_text().partition(MEASURED)
    named = set(re.findall(r"`(test_\w+)`", by_hand))
    assert named
    assert sorted(named - tests) == []
