"""Only the services write, and they write completely and once."""

import io
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from api.serializers import AnalysisSerializer, ResultSerializer
from cv.choices import Source
from cv.engine.types import AnalysisOptions, Estimate, FaceResult, ModelRun, Picture
from cv.models import Analysis, ApiKey, Face
from cv.selectors import api_key_usable
from cv.services import (
    AnalysisRequest,
    StoreOptions,
    analysis_delete,
    analysis_save,
    api_key_create,
    api_key_revoke,
    api_key_touch,
    expired_purge,
)
from cv.trust.caller import Caller
from tests.factories import analysis_result, described, face_result, stored_analysis

ROOT = Path(__file__).resolve().parents[3]


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_row_serialises_exactly_like_the_result_it_came_from(caller: Caller) -> None:
    child = {"age": Estimate(8.5, (4.0, 12.5), coverage=0.85)}
    result = analysis_result(face_result(0), face_result(1, attributes=child))

    row = Analysis.objects.get(pk=stored_analysis(caller, *result.faces).pk)
    stored = dict(AnalysisSerializer(row).data)

    assert stored.pop("id") == str(row.pk)
    assert stored.pop("created_at")
    assert stored == ResultSerializer(result).data
    # Labels keep their order, too, although not every database keeps the order of JSON keys.
    race = stored["faces"][0]["attributes"]["race"]["probabilities"]
    assert list(race.items()) == [("white", 0.05), ("black", 0.7), ("asian", 0.1), ("indian", 0.1), ("others", 0.05)]


def test_an_analysis_keeps_what_its_model_stated_of_the_intervals(caller: Caller) -> None:
    narrow = {"age": Estimate(8.5, (4.0, 12.5), coverage=0.5)}
    faces = Face.objects.select_related("analysis")
    assert faces.get(analysis=stored_analysis(caller, face_result(attributes=narrow))).attributes == narrow
    before = stored_analysis(caller, face_result())
    Analysis.objects.filter(pk=before.pk).update(interval_coverage=None)
    (face,) = AnalysisSerializer(Analysis.objects.get(pk=before.pk)).data["faces"]
    assert face["attributes"]["age"]["coverage"] is None
    assert stored_analysis(caller).interval_coverage is None


def test_a_row_is_shown_with_as_many_queries_for_two_faces_as_for_twenty(
    caller: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for faces in (2, 20):
        row = Analysis.objects.get(pk=stored_analysis(caller, *map(face_result, range(faces))).pk)
        # One query each for the faces, their further answers and the models.
        with django_assert_num_queries(3):
            assert len(AnalysisSerializer(row).data["faces"]) == faces


def test_attributes_are_columns(caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result())
    values = Face.objects.filter(analysis=analysis).values(
        "index", "box_x", "box_width", "age", "age_low", "age_high", "gender", "gender_probability", "race",
        "race_probability", "expression", "expression_probability", "beauty", "beauty_low", "beauty_high",
        "quality_score", "quality_warnings",
    ).get()  # fmt: skip
    assert values == {
        "index": 0,
        "box_x": 10.5,
        "box_width": 100.0,
        "age": 31.25,
        "age_low": 25.5,
        "age_high": 38.0,
        "gender": "female",
        "gender_probability": 0.98,
        "race": "black",
        "race_probability": 0.7,
        "expression": "happiness",
        "expression_probability": 0.8,
        "beauty": 6.125,
        "beauty_low": 4.5,
        "beauty_high": 7.25,
        "quality_score": 0.75,
        "quality_warnings": ["small_face", "dark"],
    }


def test_failure_between_two_faces_leaves_no_row_and_no_picture(
    caller: Caller, grace_hopper: bytes, pictures: Path
) -> None:
    picture = Picture(".jpg", grace_hopper)
    twice_the_same = replace(analysis_result(face_result(0), face_result(0)), picture=picture)
    request = AnalysisRequest(grace_hopper, Source.UPLOAD, store=StoreOptions(image=True))
    with pytest.raises(IntegrityError):
        analysis_save(twice_the_same, request, caller)
    assert Analysis.objects.count() == 0
    assert Face.objects.count() == 0
    assert files_in(pictures) == []


@pytest.mark.parametrize(
    "face",
    [
        face_result(confidence=1.5),
        described(age=Estimate(30.0, (40.0, 20.0))),
        described(beauty=Estimate(5.0, (7.0, 6.0), (1, 10))),
    ],
    ids=["confidence above 1", "age interval upside down", "beauty interval upside down"],
)
def test_the_database_refuses_impossible_faces(caller: Caller, face: FaceResult) -> None:
    with pytest.raises(IntegrityError):
        stored_analysis(caller, face)
    assert Analysis.objects.count() == 0


def test_the_database_refuses_a_label_that_the_model_does_not_have(caller: Caller) -> None:
    face = Face.objects.get(analysis=stored_analysis(caller, face_result()))
    with pytest.raises(IntegrityError):
        Face.objects.filter(pk=face.pk).update(gender="robot")


def test_the_database_refuses_half_an_interval(caller: Caller) -> None:
    face = Face.objects.get(analysis=stored_analysis(caller, face_result()))
    with pytest.raises(IntegrityError):
        Face.objects.filter(pk=face.pk).update(age_low=None)


def test_picture_is_kept_only_where_asked_under_a_random_private_name(
    caller: Caller, grace_hopper: bytes, pictures: Path
) -> None:
    without = stored_analysis(caller, data=grace_hopper)
    assert not without.picture
    assert files_in(pictures) == []

    kept = stored_analysis(caller, data=grace_hopper, image=True)
    (file,) = files_in(pictures)
    # The pixels are unchanged; the comment with the picture's origin is removed.
    assert np.array_equal(np.asarray(Image.open(file)), np.asarray(Image.open(io.BytesIO(grace_hopper))))
    assert b"wikimedia" in grace_hopper
    assert b"wikimedia" not in file.read_bytes()
    assert file == pictures / str(kept.picture.name)
    assert len(file.stem) == 32
    assert file.suffix == ".jpg"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_two_pictures_of_the_same_bytes_have_two_files(caller: Caller, grace_hopper: bytes, pictures: Path) -> None:
    stored_analysis(caller, data=grace_hopper, image=True)
    stored_analysis(caller, data=grace_hopper, image=True)
    assert len(files_in(pictures)) == 2


def test_delete_removes_faces_and_picture(caller: Caller, grace_hopper: bytes, pictures: Path) -> None:
    analysis = stored_analysis(caller, face_result(), data=grace_hopper, image=True)
    analysis_delete(analysis, caller)
    assert Analysis.objects.count() == Face.objects.count() == 0
    assert files_in(pictures) == []


def test_purge_removes_what_is_past_its_time_and_nothing_else(
    caller: Caller, grace_hopper: bytes, pictures: Path
) -> None:
    stored_analysis(caller, data=grace_hopper, image=True, ttl_days=1)
    week = stored_analysis(caller, data=grace_hopper, image=True, ttl_days=7)
    forever = stored_analysis(caller, data=grace_hopper, image=True)
    purged = expired_purge(timezone.now() + timedelta(days=2))
    assert (purged.analyses, purged.pictures) == (1, 0)
    assert set(Analysis.objects.values_list("pk", flat=True)) == {week.pk, forever.pk}
    assert len(files_in(pictures)) == 2


def test_purge_removes_pictures_that_no_row_names_once_they_are_old(pictures: Path, db: None) -> None:
    old, new = f"aa/aa{'0' * 30}.jpg", f"bb/bb{'0' * 30}.jpg"
    for name, age_s in ((old, 7200), (new, 0), ("jobs/input.zip", 7200)):
        file = pictures / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x")
        moment = timezone.now().timestamp() - age_s
        os.utime(file, (moment, moment))
    assert expired_purge().pictures == 1
    assert sorted(path.relative_to(pictures).as_posix() for path in files_in(pictures)) == [new, "jobs/input.zip"]


KILLED_WHILE_SAVING = """
import os, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from cv.tables import analysis_rows, output_columns
from cv.trust.caller import Caller
from cv.wording import say
from cv.models import Face
from cv.services import api_key_create
from tests.factories import face_result, stored_analysis
key, _ = api_key_create("killed")
Face.objects.bulk_create = lambda rows: os._exit(9)
stored_analysis(Caller(api_key=key), face_result())
"""


def test_process_killed_between_analysis_and_faces_leaves_no_row(tmp_path: Path) -> None:
    file = tmp_path / "killed.sqlite3"
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{file}",
        "DJANGO_SETTINGS_MODULE": "xcloud.settings",
        "XCLOUD_VAR_DIR": str(tmp_path / "var"),
    }
    ended = subprocess.run([sys.executable, "-c", KILLED_WHILE_SAVING], cwd=ROOT, env=environment, check=False)
    assert ended.returncode == 9
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT count(*) FROM cv_apikey").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM cv_analysis").fetchone() == (0,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_key_is_stored_as_a_hash_and_found_again(db: None) -> None:
    row, text = api_key_create("camera")
    assert text.startswith(f"xc_{row.prefix}_")
    secret = text.removeprefix(f"xc_{row.prefix}_")
    assert len(secret) > 30
    assert all(secret not in str(value) for value in ApiKey.objects.values().get().values())
    assert api_key_usable(text) == row


@pytest.mark.parametrize("change", ["x", "", "é"])
def test_key_with_one_character_changed_is_not_found(db: None, change: str) -> None:
    _, text = api_key_create("camera")
    assert api_key_usable(text[:-1] + change) is None


def test_revoked_expired_and_disabled_keys_are_not_found(user: User) -> None:
    revoked, revoked_text = api_key_create("revoked")
    api_key_revoke(revoked)
    expired, expired_text = api_key_create("expired", ttl_days=1)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    _, disabled_text = api_key_create("of a user who left", user)
    user.is_active = False
    user.save()
    assert [api_key_usable(text) for text in (revoked_text, expired_text, disabled_text)] == [None, None, None]


def test_last_use_is_written_at_most_once_a_minute(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    row, _ = api_key_create("camera")
    api_key_touch(row)
    row.refresh_from_db()
    first = row.last_used_at
    assert first is not None
    with django_assert_num_queries(0):
        api_key_touch(row)


def test_kept_pictures_have_no_public_address(caller: Caller, grace_hopper: bytes, client: Client) -> None:
    analysis = stored_analysis(caller, data=grace_hopper, image=True)
    name = analysis.picture.name
    for address in (f"/{name}", f"/media/{name}", f"/static/{name}", f"/pictures/{name}"):
        assert client.get(address).status_code == 404
    assert default_storage.exists(str(name))


def test_a_photo_without_a_face_names_no_model_that_ran_for_doubts_alone(caller: Caller) -> None:
    request = AnalysisRequest(b"", Source.UPLOAD, AnalysisOptions(attributes=frozenset({"embedding"})), StoreOptions())
    ran = tuple(ModelRun(name, "1", "ab" * 32, 1.0, frozenset({name})) for name in ("age", "embedding"))
    analysis = analysis_save(analysis_result(models=ran), request, caller)
    assert [row.name for row in analysis.models.all()] == ["embedding"]
