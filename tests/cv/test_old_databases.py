"""A database of an older version migrates without changing its data, on every supported database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from api.serializers import AnalysisSerializer
from cv.engine.types import Category
from cv.models import Analysis
from cv.selectors import key_hash

pytestmark = pytest.mark.django_db(transaction=True)
# The last migration before faces had answers beyond their columns.
OLD = ("cv", "0005_local_jobs")
ANALYSES = 1000
KEY = "xc_0123456789ab_secret"
FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)


def migrate(*targets: tuple[str, str]) -> Any:
    """Migrates to ``targets``; returns the models of that state."""
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    return MigrationExecutor(connection).loader.project_state(list(targets)).apps


@pytest.fixture
def old_models() -> Iterator[Any]:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("cv")
    try:
        yield migrate(OLD)
    finally:
        migrate(*newest)


def fill(models: Any) -> None:
    """Adds a thousand analyses of one key: every third without a face, the others with one or two."""
    key = models.get_model("cv", "ApiKey").objects.create(
        name="old", prefix="0123456789ab", sha256=key_hash(KEY), scopes=["read"], created_at=FIRST
    )
    model = models.get_model("cv", "Analysis")
    rows = model.objects.bulk_create(
        model(
            id=UUID(int=number + 1),
            created_at=FIRST + timedelta(minutes=number),
            api_key=key,
            subject=f"visitor {number % 7}",
            source="upload",
            image_width=640,
            image_height=480,
            image_sha256=f"{number:064x}",
            asked_attributes=["age", "gender"],
            min_face_px=40,
            max_faces=100,
            model_name="xcloud-attributes",
            model_version="1.6.0" if number % 2 else "1.5.0",
            model_sha256="ab" * 32,
            interval_coverage=0.85,
            decode_ms=1.5,
            detect_ms=20.0,
            attributes_ms=10.0,
            total_ms=31.5,
            face_count=number % 3,
        )
        for number in range(ANALYSES)
    )
    face = models.get_model("cv", "Face")
    face.objects.bulk_create(
        face(
            analysis=row,
            index=index,
            box_x=10.5,
            box_y=20.0,
            box_width=100.0,
            box_height=120.0,
            confidence=0.99,
            landmark_points={
                "left_eye": [40, 60], "right_eye": [80, 60], "nose": [60, 85], "mouth_left": [45, 110],
                "mouth_right": [75, 110],
            },
            quality_score=0.75,
            quality_warnings=["dark"],
            age=31.25,
            age_low=25.5,
            age_high=38.0,
            gender="female",
            gender_probability=0.98,
            probabilities={"gender": {"male": 0.02, "female": 0.98}},
        )
        for row in rows
        for index in range(row.face_count)
    )  # fmt: skip


def contents(columns: dict[str, list[str]]) -> dict[str, list[tuple[str, ...]]]:
    """The given columns of every row, as text."""
    found = {}
    with connection.cursor() as cursor:
        for table, names in columns.items():
            cursor.execute(f"SELECT {', '.join(map(connection.ops.quote_name, names))} FROM {table} ORDER BY id")  # noqa: S608
            found[table] = [tuple(map(str, row)) for row in cursor.fetchall()]
    return found


def columns_now() -> dict[str, list[str]]:
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description
        return {
            table: [column.name for column in described(cursor, table)]
            for table in ("cv_apikey", "cv_analysis", "cv_face")
        }


def test_a_thousand_analyses_migrate_forward_with_every_column_as_it_was(
    old_models: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fill(old_models)
    columns = columns_now()
    before = contents(columns)
    assert [len(rows) for rows in before.values()] == [1, ANALYSES, 999]

    migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes("cv"))

    assert contents(columns) == before
    # Read with the current models, with one query each for the faces, their further answers and the models.
    rows = Analysis.objects.order_by("created_at").prefetch_related("faces", "models")
    with django_assert_num_queries(4):
        shown = AnalysisSerializer(rows, many=True).data
    assert len(shown) == ANALYSES
    assert shown[2]["faces"][1]["attributes"]["gender"]["probabilities"] == {"female": 0.98, "male": 0.02}
    # The requested outputs are known; the time they took is not.
    assert shown[1]["models"] == [
        {"name": "xcloud-attributes", "version": "1.6.0", "sha256": "ab" * 32, "ms": None}
    ]  # fmt: skip
    assert all(len(row["models"]) == 1 for row in shown)


def test_an_old_analysis_is_read_deleted_and_found_as_before(old_models: Any) -> None:
    fill(old_models)
    migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes("cv"))
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {KEY}")
    found = api.get("/api/v1/analyses?gender=female&subject=visitor 2&page_size=100").json()["results"]
    assert {row["faces"][0]["attributes"]["age"]["value"] for row in found} == {31.25}
    (face,) = Analysis.objects.get(pk=UUID(int=2)).faces.all()
    assert face.attributes["gender"] == Category("female", {"female": 0.98, "male": 0.02})
    Analysis.objects.filter(subject="visitor 2").delete()
    assert Analysis.objects.count() == ANALYSES - 143
