"""A photo in, its faces out, through HTTP with the engine in service."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from cv.engine.types import Category
from cv.models import Analysis, ApiKey, Face
from cv.services import api_key_create
from cv.trust.caller import Caller
from tests.factories import described, face_result, stored_analysis

URL = "/api/v1/analyses"
ADDRESS_OF_NOTHING = "00000000-0000-4000-8000-000000000000"


def as_file(data: bytes, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "image/jpeg")


def faces_of(answer: Any) -> Any:
    assert answer.status_code == 201, answer.json()
    return answer.json()["faces"]


def test_file_gives_the_face_with_five_attributes_and_is_stored(api: APIClient, astronaut: bytes) -> None:
    answer = api.post(URL, {"image": as_file(astronaut)}, format="multipart")
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == ["id", "created_at", "image", "faces", "model", "models", "timing_ms"]
    assert body["image"] == {"width": 512, "height": 512, "sha256": hashlib.sha256(astronaut).hexdigest()}
    assert set(body["timing_ms"]) == {"decode", "detect", "attributes", "total"}
    (face,) = body["faces"]
    assert list(face) == ["index", "box", "confidence", "landmarks", "quality", "attributes"]
    # facenet-pytorch's own cascade on this photo: (180.32, 60.71) to (268.40, 172.17).
    assert face["box"]["x"] == pytest.approx(180.32, abs=3)
    assert face["box"]["y"] == pytest.approx(60.71, abs=3)
    assert face["box"]["width"] == pytest.approx(88.08, abs=3)
    assert face["box"]["height"] == pytest.approx(111.46, abs=3)
    assert face["landmarks"]["left_eye"][0] < face["landmarks"]["right_eye"][0]
    assert list(face["attributes"]) == ["age", "gender", "race", "expression", "beauty"]
    assert list(face["attributes"]["race"]["probabilities"]) == ["white", "black", "asian", "indian", "others"]
    assert sum(face["attributes"]["expression"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert face["attributes"]["beauty"]["scale"] == [1, 10]

    row = Analysis.objects.get(pk=body["id"])
    assert (row.source, row.face_count, row.faces.count()) == ("upload", 1, 1)
    assert api.get(f"{URL}/{body['id']}").json() == body


def test_a_post_reads_back_nothing_that_it_has_written(api: APIClient, grace_hopper: bytes) -> None:
    def post() -> Any:
        return faces_of(api.post(URL, {"image": as_file(grace_hopper)}, format="multipart"))

    post()  # the key's first use writes its time
    with CaptureQueriesContext(connection) as context:
        (face,) = post()
    assert len(face["attributes"]) == 5
    statement = re.compile(r'(SELECT|INSERT|UPDATE|DELETE)\b.*?(?:FROM|INTO|UPDATE) ["`](\w+)["`]', re.DOTALL)
    assert [found.groups() for query in context.captured_queries if (found := statement.match(query["sql"]))] == [
        ("SELECT", "cv_apikey"),
        ("INSERT", "cv_analysis"),
        ("INSERT", "cv_analysismodel"),
        ("INSERT", "cv_face"),
        ("SELECT", "cv_webhook"),
    ]


def test_base64_in_every_spelling_gives_the_same_faces_as_the_file(api: APIClient, grace_hopper: bytes) -> None:
    expected = faces_of(api.post(URL, {"image": as_file(grace_hopper)}, format="multipart"))
    assert len(expected) == 1
    standard = base64.b64encode(grace_hopper).decode()
    spellings = {
        "raw": standard,
        "url-safe": base64.urlsafe_b64encode(grace_hopper).decode(),
        "no padding": standard.rstrip("="),
        "lines": base64.encodebytes(grace_hopper).decode(),
        "data URI": f"data:image/jpeg;base64,{standard}",
        "data URI with a wrong type": f"DATA:text/plain;charset=x;BASE64,{standard}",
    }
    for name, text in spellings.items():
        assert faces_of(api.post(URL, {"image": text})) == expected, name
    assert faces_of(api.post(URL, {"image": standard}, format="multipart")) == expected
    # As `curl -d image=…` sends it: without escaping "+", which a form reads as a space.
    form = f"image={standard}"
    assert faces_of(api.post(URL, form, content_type="application/x-www-form-urlencoded")) == expected
    assert set(Analysis.objects.values_list("source", flat=True)) == {"upload", "base64"}


def test_every_face_is_returned_the_largest_first(api: APIClient, two_faces: bytes) -> None:
    faces = faces_of(api.post(URL, {"image": as_file(two_faces)}, format="multipart"))
    assert [face["index"] for face in faces] == [0, 1]
    areas = [face["box"]["width"] * face["box"]["height"] for face in faces]
    assert areas == sorted(areas, reverse=True)
    # x and y are not swapped: the larger picture is on the left.
    assert faces[0]["box"]["x"] < 512 < faces[1]["box"]["x"]


def test_max_faces_and_attributes_narrow_the_answer(api: APIClient, two_faces: bytes) -> None:
    text = base64.b64encode(two_faces).decode()
    (face,) = faces_of(api.post(URL, {"image": text, "max_faces": 1, "attributes": ["gender", "age"]}))
    assert list(face["attributes"]) == ["age", "gender"]
    row = Face.objects.get()
    assert (row.race, row.race_probability, row.beauty) == ("", None, None)
    assert Analysis.objects.get().asked_attributes == ["age", "gender"]


@pytest.mark.parametrize(
    "fields",
    [
        {"attributes": "age,race", "store": json.dumps({"ttl_days": 3, "subject": "visitor 17", "image": True})},
        {"attributes": ["age", "race"], "store.ttl_days": "3", "store.subject": "visitor 17", "store.image": "true"},
    ],
    ids=["JSON text", "dotted fields"],
)
def test_form_brings_the_same_options_as_json(
    api: APIClient, empty_scene: bytes, fields: dict[str, Any], pictures: Path
) -> None:
    assert (
        faces_of(api.post(URL, {"image": as_file(empty_scene, "../../etc/x.php"), **fields}, format="multipart")) == []
    )
    row = Analysis.objects.get()
    assert row.asked_attributes == ["age", "race"]
    assert row.subject == "visitor 17"
    assert row.expires_at is not None
    assert (row.expires_at - row.created_at).days == 3
    # No part of the client's file name is stored.
    assert row.picture.name is not None
    assert (pictures / row.picture.name).read_bytes() == empty_scene
    assert "php" not in row.picture.name


def test_image_without_a_face_is_created_with_no_faces(api: APIClient, empty_scene: bytes) -> None:
    answer = api.post(URL, {"image": as_file(empty_scene)}, format="multipart")
    assert answer.status_code == 201
    assert answer.json()["faces"] == []
    assert Analysis.objects.get().face_count == 0


def test_kept_picture_is_returned_to_its_owner_alone(
    api: APIClient, client_of: Callable[[str], APIClient], empty_scene: bytes
) -> None:
    image = base64.b64encode(empty_scene).decode()
    kept = api.post(URL, {"image": image, "store": {"image": True}}).json()["id"]
    dropped = api.post(URL, {"image": image}).json()["id"]

    answer = api.get(f"{URL}/{kept}/picture")
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == empty_scene  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"] == "private, no-store"

    assert api.get(f"{URL}/{dropped}/picture").status_code == 404
    stranger = client_of(api_key_create("stranger")[1])
    assert stranger.get(f"{URL}/{kept}/picture").status_code == 404


def test_another_callers_analysis_can_be_neither_read_nor_deleted(
    api: APIClient, key: tuple[ApiKey, str], client_of: Callable[[str], APIClient]
) -> None:
    analysis = stored_analysis(Caller(api_key=key[0]), face_result())
    stranger = client_of(api_key_create("stranger")[1])
    for answer in (stranger.get(f"{URL}/{analysis.pk}"), stranger.delete(f"{URL}/{analysis.pk}")):
        assert answer.status_code == 404
        assert answer.json()["error"] == {"code": "not_found", "message": "no analysis has this id", "details": {}}
    assert stranger.get(URL).json() == {"next": None, "previous": None, "results": []}
    assert api.get(f"{URL}/{analysis.pk}").status_code == 200


def test_delete_answers_204_once(api: APIClient, caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result())
    answer = api.delete(f"{URL}/{analysis.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert Face.objects.count() == 0
    assert api.delete(f"{URL}/{analysis.pk}").status_code == 404


def test_list_pages_from_the_newest_to_the_oldest(api: APIClient, caller: Caller) -> None:
    made = [str(stored_analysis(caller, face_result()).pk) for _ in range(5)]
    seen, address = [], f"{URL}?page_size=2"
    while address:
        page = api.get(address).json()
        assert len(page["results"]) <= 2
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    assert seen == made[::-1]


def test_list_takes_as_many_queries_for_twenty_rows_as_for_one(api: APIClient, caller: Caller) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert api.get(URL).status_code == 200
        return len(context)

    stored_analysis(caller, face_result())
    api.get(URL)  # the key's first use writes its time
    with_one = queries()
    for _ in range(19):
        stored_analysis(caller, face_result(0), face_result(1))
    # The key, the analyses, their faces, those faces' further answers, the analyses' models, the audit log.
    assert queries() == with_one == 6


def test_list_filters_by_label_subject_and_age(api: APIClient, caller: Caller) -> None:
    stored_analysis(caller, face_result(), subject="her")
    him = described(gender=Category("male", {"female": 0.05, "male": 0.95}))
    wanted = str(stored_analysis(caller, him, subject="him").pk)
    for query in ("gender=male", "subject=him", "gender=male&race=black&expression=happiness&min_age=30&max_age=32"):
        assert [row["id"] for row in api.get(f"{URL}?{query}").json()["results"]] == [wanted], query
    assert api.get(f"{URL}?min_age=60").json()["results"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("gender=robot", "gender"),
        ("created_after=yesterday", "created_after"),
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("cursor=nonsense", "cursor"),
        ("min_age=old", "min_age"),
    ],
)
def test_bad_filter_is_a_400_that_names_it(api: APIClient, query: str, field: str) -> None:
    answer = api.get(f"{URL}?{query}")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert list(error["details"]) == [field]
    assert error["message"].startswith(f"{field}: ")
