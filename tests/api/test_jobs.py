"""Jobs over HTTP: created from each source, followed, moved through their states, and read in three formats."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.models import Analysis, AuditEvent, IdempotentRequest, Job, JobItem
from cv.services import api_key_create
from cv.tables import table_columns
from cv.trust.caller import Caller
from tests.archives import encrypted, tar_gz_of, tar_of, zip_of
from tests.factories import close, stored_analysis, streamed
from tests.jobs import kept_inputs, list_archives, work_through
from tests.site import Site

URL = "/api/v1/jobs"


def sent(api: APIClient, archive: bytes, name: str = "photos.zip", **fields: Any) -> Any:
    file = io.BytesIO(archive)
    file.name = name
    headers = {"HTTP_IDEMPOTENCY_KEY": fields.pop("key")} if "key" in fields else {}
    return api.post(URL, {"archive": file, **fields}, format="multipart", **headers)


def text_of(answer: Any) -> str:
    return streamed(answer).decode()


@pytest.fixture
def finished(api: APIClient, two_faces: bytes, empty_scene: bytes) -> str:
    """The address of a finished job of three files: two faces, no face, and not an image."""
    archive = zip_of([("=two.png", two_faces), ("none.jpg", empty_scene), ("scan.pdf", b"hello")])
    job = sent(api, archive, **{"store.ttl_days": "3"}).json()["id"]
    work_through()
    return f"{URL}/{job}"


def test_a_job_is_accepted_worked_on_and_tells_how_far_it_is(api: APIClient, empty_scene: bytes) -> None:
    files = [("a.jpg", empty_scene), ("b.pdf", b"no image")]
    options = {"attributes": "age", "max_faces": "3", "store.subject": "x", "store.image": "true", "priority": "-2"}
    answer = sent(api, zip_of(files), **options)
    assert answer.status_code == 202
    job = answer.json()
    told = ("state", "source", "name", "priority", "images", "images_per_second", "error")
    assert {name: job[name] for name in told} == {
        "state": "listing", "source": "archive", "name": "photos.zip", "priority": -2, "images": 0,
        "images_per_second": None, "error": None,
    }  # fmt: skip
    assert job["options"] == {
        "attributes": ["age"],
        "max_faces": 3,
        "min_face_px": 40,
        "store": {"image": True, "chips": False, "ttl_days": None, "subject": "x", "vectors": False},
        "search": None,
    }
    assert api.get(f"{URL}/{job['id']}").json() == job
    list_archives()
    listed = api.get(f"{URL}/{job['id']}").json()
    assert (listed["state"], listed["images"], listed["counts"]["pending"]) == ("pending", 2, 2)
    work_through()
    after = api.get(f"{URL}/{job['id']}").json()
    assert after["state"] == "done"
    assert after["counts"] == {"pending": 0, "running": 0, "done": 1, "failed": 1, "cancelled": 0}
    assert after["images_per_second"] > 0
    assert after["seconds_left"] is None
    row = Analysis.objects.get()
    assert (row.subject, row.asked_attributes, bool(row.picture)) == ("x", ["age"], True)


def test_urls_can_come_in_a_form(api: APIClient) -> None:
    urls = ["https://example.org/1.jpg?a=1,2", "https://example.org/2.jpg"]
    answer = api.post(URL, {"urls": urls, "attributes": "age,gender"}, format="multipart")
    assert answer.status_code == 202
    items = api.get(f"{URL}/{answer.json()['id']}/items").json()["results"]
    assert [item["name"] for item in items] == ["https://example.org/1.jpg", "https://example.org/2.jpg"]
    assert api.post(URL, {"urls": urls, "folder": "/srv"}, format="multipart").status_code == 400


@pytest.mark.parametrize("pack", [zip_of, tar_of, tar_gz_of])
def test_every_kind_of_archive_is_read(
    api: APIClient, empty_scene: bytes, pack: Callable[[list[tuple[str, bytes]]], bytes]
) -> None:
    answer = sent(api, pack([("a/b.jpg", empty_scene), ("__MACOSX/._b.jpg", b"x"), ("a/.DS_Store", b"x")]))
    assert answer.status_code == 202
    list_archives()
    assert JobItem.objects.get().name == "a/b.jpg"


def test_jobs_of_addresses_analyses_and_folders(
    api: APIClient, caller: Caller, site: Site, grace_hopper: bytes, tmp_path: Path, settings: Settings
) -> None:
    kept = stored_analysis(caller, data=grace_hopper, image=True)
    settings.XCLOUD_JOB_FOLDERS = [tmp_path / "photos"]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(grace_hopper)
    bodies: list[dict[str, Any]] = [
        {"urls": [f"{site.address}/photo.jpg", f"{site.address}/missing"]},
        {"analyses": [str(kept.pk)]},
        {"folder": str(tmp_path / "photos")},
    ]
    for body in bodies:
        answer = api.post(URL, body)
        assert (answer.status_code, [answer.json()["source"]]) == (202, list(body))
    work_through()
    listed = api.get(URL).json()["results"]
    assert [(job["source"], job["state"], job["counts"]["done"]) for job in listed] == [
        ("folder", "done", 1), ("analyses", "done", 1), ("urls", "done", 1),
    ]  # fmt: skip
    assert [job["source"] for job in api.get(f"{URL}?state=failed").json()["results"]] == []


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 400, "invalid_request", "archive"),
        ({"urls": []}, 400, "empty_job", "job"),
        ({"analyses": []}, 400, "empty_job", "job"),
        ({"urls": "https://a/"}, 400, "invalid_request", "urls"),
        ({"urls": [1, None]}, 400, "invalid_request", "urls"),
        ({"urls": ["https://a/\u0000"]}, 400, "invalid_request", "urls"),
        ({"urls": ["https://a/"] * 4}, 413, "too_many_items", "job"),
        ({"analyses": ["x"]}, 400, "invalid_request", "analyses"),
        ({"archive": "UEs="}, 400, "invalid_request", "archive"),
        ({"folder": "/etc"}, 422, "folder_forbidden", "folder"),
        ({"folder": "../x"}, 422, "folder_forbidden", "folder"),
        ({"urls": ["https://a/"], "folder": "/x"}, 400, "ambiguous_image_source", "image"),
        ({"urls": ["https://a/"], "priority": 1}, 403, "forbidden", None),
        ({"urls": ["https://a/"], "priority": 11}, 400, "invalid_request", "priority"),
        ({"urls": ["https://a/"], "color": 1}, 400, "invalid_request", "color"),
        ({"urls": ["https://a/"], "max_faces": 0}, 400, "invalid_request", "max_faces"),
    ],
)
def test_bad_requests_make_no_job(
    api: APIClient, settings: Settings, body: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    settings.XCLOUD_JOB_MAX_ITEMS = 3
    answer = api.post(URL, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], list(error["details"])) == (status, code, [field] if field else [])
    assert Job.objects.count() == 0


def test_an_archive_that_is_announced_too_large_is_not_read(api: APIClient, settings: Settings) -> None:
    settings.XCLOUD_JOB_MAX_BYTES = 1000
    answer = sent(api, zip_of([("a.jpg", b"x" * 200_000)], compression=0))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "archive_too_large")


def test_what_is_no_archive_is_refused_at_once(api: APIClient) -> None:
    for data, status, code in (
        (b"no archive" * 100, 415, "unsupported_media_type"),
        (b"\x1f\x8b\x08" + b"x" * 100, 422, "archive_unreadable"),
    ):
        answer = sent(api, data)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (Job.objects.count(), kept_inputs()) == (0, [])


@pytest.mark.parametrize(
    ("archive", "code"),
    [
        (zip_of([("a.jpg", b"a")])[:-30], "archive_unreadable"),
        (tar_gz_of([("a.jpg", b"a" * 5000)])[:-30], "archive_unreadable"),
        (encrypted(zip_of([("a.jpg", b"a")])), "archive_encrypted"),
        (zip_of([(f"{n}.jpg", b"a") for n in range(4)]), "too_many_items"),
        (zip_of([(f"{n}.jpg", b"a" * 30_000) for n in range(2)]), "archive_too_large"),
        (zip_of([("readme.txt", b"a")]), "empty_job"),
    ],
)
def test_what_is_wrong_inside_an_archive_is_the_error_of_its_job(
    api: APIClient, settings: Settings, archive: bytes, code: str
) -> None:
    settings.XCLOUD_JOB_MAX_ITEMS, settings.XCLOUD_JOB_MAX_UNPACKED_BYTES = 3, 50_000
    answer = sent(api, archive, key="k")
    assert answer.status_code == 202
    work_through()
    job = api.get(f"{URL}/{answer.json()['id']}").json()
    assert (job["state"], job["images"], job["error"]["code"]) == ("failed", 0, code)
    assert job["finished_at"] is not None
    assert JobItem.objects.count() == 0
    assert api.post(f"{URL}/{job['id']}/retry").status_code == 409
    assert text_of(api.get(f"{URL}/{job['id']}/results")) == ""


def test_an_administrator_may_put_a_job_before_others(client_of: Callable[[str], APIClient], db: None) -> None:
    admin = client_of(api_key_create("admin", scopes=[Scope.ADMIN, Scope.ANALYSE])[1])
    answer = admin.post(URL, {"urls": ["https://a/"], "priority": 5})
    assert (answer.status_code, answer.json()["priority"]) == (202, 5)


def test_items_are_listed_in_order_by_cursor_and_by_state(api: APIClient, finished: str) -> None:
    first = api.get(f"{finished}/items?page_size=2").json()
    assert [item["index"] for item in first["results"]] == [0, 1]
    last = api.get(first["next"]).json()["results"]
    assert [(item["name"], item["state"], item["analysis"]) for item in last] == [("scan.pdf", "failed", None)]
    assert last[0]["error"] == {
        "code": "unsupported_media_type",
        "message": "not a JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF or HEIC image",
    }
    (failed,) = api.get(f"{finished}/items?state=failed").json()["results"]
    assert failed == last[0]
    described = first["results"][0]
    assert described["error"] is None
    assert api.get(f"/api/v1/analyses/{described['analysis']}").status_code == 200
    assert api.get(f"{finished}/items?state=lost").status_code == 400


def test_results_as_json_lines_are_the_analyses_themselves(api: APIClient, finished: str) -> None:
    answer = api.get(f"{finished}/results")
    assert answer["Content-Type"] == "application/jsonl"
    lines = [json.loads(line) for line in text_of(answer).splitlines()]
    assert [(line["index"], line["state"]) for line in lines] == [(0, "done"), (1, "done"), (2, "failed")]
    assert lines[0]["analysis"] == api.get(f"/api/v1/analyses/{lines[0]['analysis']['id']}").json()
    assert lines[1]["analysis"]["faces"] == []
    assert lines[2]["analysis"] is None


def test_results_as_csv_have_a_face_a_row_and_no_formula(api: APIClient, finished: str) -> None:
    text = text_of(api.get(f"{finished}/results?format=csv"))
    # Excel takes a file without it for the machine's old encoding.
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert [(row["name"], row["face"], row["state"], row["error_code"]) for row in rows] == [
        ("'=two.png", "0", "done", ""),
        ("'=two.png", "1", "done", ""),
        ("none.jpg", "", "done", ""),
        ("scan.pdf", "", "failed", "unsupported_media_type"),
    ]
    faces = Analysis.objects.get(face_count=2).faces.all()
    assert [float(row["age"]) for row in rows[:2]] == [face.age for face in faces]
    assert [row["gender"] for row in rows[:2]] == [face.gender for face in faces]


def test_results_as_parquet_have_typed_columns(api: APIClient, finished: str) -> None:
    answer = api.get(f"{finished}/results?format=parquet")
    table = parquet.read_table(io.BytesIO(b"".join(answer.streaming_content)))
    close(answer)
    assert table.column_names == list(table_columns((), frozenset()))
    assert table.num_rows == 4
    rows = table.to_pylist()
    assert [row["faces"] for row in rows] == [2, 2, 0, None]
    shares = [rows[0][f"gender_{label}"] for label in ("female", "male")]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert rows[0]["gender_abstained"] in (True, False)


def test_results_leave_out_what_the_key_may_not_have_and_what_was_deleted(
    api: APIClient, caller: Caller, finished: str
) -> None:
    assert caller.api_key
    type(caller.api_key).objects.update(attributes=["age"])
    text = text_of(api.get(f"{finished}/results?format=csv"))
    # Excel takes a file without it for the machine's old encoding.
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert rows[0]["age"] != ""
    assert (rows[0]["gender"], rows[0]["race_white"], rows[0]["beauty"]) == ("", "", "")
    line = json.loads(text_of(api.get(f"{finished}/results")).splitlines()[0])
    assert list(line["analysis"]["faces"][0]["attributes"]) == ["age"]
    Analysis.objects.all().delete()
    lines = [json.loads(line) for line in text_of(api.get(f"{finished}/results")).splitlines()]
    assert [(line["state"], line["analysis"]) for line in lines] == [("done", None), ("done", None), ("failed", None)]


def test_states_follow_each_other_or_are_a_conflict(api: APIClient, empty_scene: bytes) -> None:
    job = f"{URL}/{sent(api, zip_of([('a.jpg', empty_scene)])).json()['id']}"
    list_archives()
    assert api.post(f"{job}/pause").json()["state"] == "paused"
    assert work_through() == 0
    again = api.post(f"{job}/pause").json()["error"]
    assert (again["code"], again["message"]) == ("job_conflict", "state: a job that is paused cannot be paused")
    assert api.post(f"{job}/resume").json()["state"] == "pending"
    assert api.post(f"{job}/retry").status_code == 409
    cancelled = api.post(f"{job}/cancel").json()
    assert (cancelled["state"], cancelled["counts"]["cancelled"]) == ("cancelled", 1)
    assert json.loads(text_of(api.get(f"{job}/results")))["state"] == "cancelled"
    for change in ("pause", "resume", "cancel", "retry"):
        assert api.post(f"{job}/{change}").status_code == 409
    assert api.post(f"{job}/cancel", {"x": 1}).status_code == 400


def test_failed_addresses_can_be_tried_again(api: APIClient, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    job = api.post(URL, {"urls": [f"{site.address}/missing"]}).json()["id"]
    work_through()
    assert api.get(f"{URL}/{job}").json()["state"] == "failed"
    JobItem.objects.update(location=f"{site.address}/photo.jpg")
    assert api.post(f"{URL}/{job}/retry").json()["counts"]["pending"] == 1
    work_through()
    assert api.get(f"{URL}/{job}").json()["state"] == "done"


def test_deleting_a_job_keeps_or_takes_its_analyses(api: APIClient, finished: str, empty_scene: bytes) -> None:
    assert api.delete(finished).status_code == 204
    assert (Job.objects.count(), Analysis.objects.count()) == (0, 2)
    job = sent(api, zip_of([("a.jpg", empty_scene)])).json()["id"]
    work_through()
    assert api.delete(f"{URL}/{job}?analyses=true").status_code == 204
    assert (Job.objects.count(), Analysis.objects.count()) == (0, 2)
    assert api.delete(f"{URL}/{job}").status_code == 404


def test_a_repeated_request_makes_one_job_and_its_answer_goes_with_it(api: APIClient, empty_scene: bytes) -> None:
    archive = zip_of([("a.jpg", empty_scene)])
    first, second = sent(api, archive, key="k"), sent(api, archive, key="k")
    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert Job.objects.count() == 1
    api.delete(f"{URL}/{first.json()['id']}")
    assert IdempotentRequest.objects.count() == 0


def test_what_is_done_with_jobs_is_in_the_audit_log(api: APIClient, finished: str) -> None:
    api.get(f"{finished}/items")
    text_of(api.get(f"{finished}/results"))
    api.post(f"{finished}/retry")
    api.delete(finished)
    lines = list(AuditEvent.objects.order_by("pk").values_list("action", "count"))
    # An archive's images are not counted when the job is created.
    assert lines == [("job.create", 0), ("job.read", 3), ("job.read", 3), ("job.delete", 1)]


def test_an_export_and_an_erasure_have_jobs_that_made_nothing_yet(api: APIClient, empty_scene: bytes) -> None:
    sent(api, zip_of([("jane.jpg", empty_scene)]), **{"store.subject": "jane"})
    list_archives()
    export = json.loads(text_of(api.get("/api/v1/subjects/jane/export")))
    assert (export["analyses"], [item["name"] for item in export["jobs"][0]["items"]]) == ([], ["jane.jpg"])
    receipt = api.post("/api/v1/subjects/jane/erase", {}).json()["receipt"]
    assert (receipt["deleted"]["jobs"], Job.objects.count()) == (1, 0)
    assert work_through() == 0
    assert Analysis.objects.count() == 0
