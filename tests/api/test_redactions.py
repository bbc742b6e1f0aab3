"""Pictures with hidden faces by the API: who may ask for what, what is refused, and that nothing stays."""

import io
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.identity.odds import identity_model
from cv.models import ApiKey, AuditEvent, Collection
from cv.services import collection_create
from cv.trust.caller import Caller
from tests.api.test_analyses import as_file
from tests.api.test_nothing_kept import row_counts

URL = "/api/v1/redactions"
# In the photo of two faces.
HOPPER_NOSE, COLLINS_NOSE = (262, 190), (638, 172)


def ask(api: APIClient, photo: bytes, **fields: Any) -> Any:
    return api.post(URL, {"image": as_file(photo), **fields}, format="multipart")


def error_of(answer: Any) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def is_black(answer: Any, at: tuple[int, int]) -> bool:
    return Image.open(io.BytesIO(answer.content)).getpixel(at) == (0, 0, 0)


def test_the_answer_is_the_picture_and_nothing_is_kept(api: APIClient, two_faces: bytes) -> None:
    before = row_counts()
    for _ in range(2):
        answer = api.post(
            URL, {"image": as_file(two_faces), "cover": "bar"}, format="multipart", headers={"Idempotency-Key": "one"}
        )
        assert answer.status_code == 200
        assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/png", "private, no-cache")
        assert (answer["X-Faces-Found"], answer["X-Faces-Covered"]) == ("2", "2")
        assert "total;dur=" in answer["Server-Timing"]
        assert is_black(answer, HOPPER_NOSE)
        assert is_black(answer, COLLINS_NOSE)
    assert row_counts() == before


@pytest.mark.parametrize("faces", ["1", "1,1"])
def test_some_faces_are_hidden_by_their_index(api: APIClient, two_faces: bytes, faces: str) -> None:
    answer = ask(api, two_faces, cover="bar", faces=faces)
    assert (answer["X-Faces-Found"], answer["X-Faces-Covered"]) == ("2", "1")
    assert (is_black(answer, HOPPER_NOSE), is_black(answer, COLLINS_NOSE)) == (False, True)


def test_a_colour_and_a_format_are_heeded(api: APIClient, two_faces: bytes) -> None:
    answer = ask(api, two_faces, cover="bar", colour="#1E90ff", format="webp")
    assert answer["Content-Type"] == "image/webp"
    red, green, blue = Image.open(io.BytesIO(answer.content)).convert("RGB").getpixel(HOPPER_NOSE)
    assert (abs(red - 0x1E) < 6, abs(green - 0x90) < 6, abs(blue - 0xFF) < 6) == (True, True, True)


def test_a_photo_without_faces_is_refused_instead_of_handed_back_as_safe(api: APIClient, empty_scene: bytes) -> None:
    assert error_of(ask(api, empty_scene)) == (422, "no_face", "image: no face was found in this image")


def test_an_index_that_no_face_has_is_refused(api: APIClient, two_faces: bytes) -> None:
    message = "faces: this image has no face with the index 2; it has 2"
    assert error_of(ask(api, two_faces, faces="0,2,5")) == (422, "no_face", message)


def test_a_picture_that_a_format_cannot_hold_is_refused(api: APIClient) -> None:
    file = io.BytesIO()
    Image.new("RGB", (16_384, 8)).save(file, "PNG")
    status, code, message = error_of(ask(api, file.getvalue(), format="webp"))
    assert (status, code) == (422, "format_unavailable")
    assert message == "format: WEBP holds at most 16,383 pixels a side, and this picture has 16,384"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cover": "glass"}, 'cover: "glass" is not a valid choice.'),
        ({"faces": "-1"}, "faces.0: Ensure this value is greater than or equal to 0."),
        ({"faces": "one"}, "faces.0: A valid integer is required."),
        ({"faces": ""}, "faces.0: A valid integer is required."),
        ({"colour": "red"}, "colour: must be a colour like #1e90ff"),
        ({"colour": "#1e90ff0"}, "colour: must be a colour like #1e90ff"),
        ({"format": "gif"}, 'format: "gif" is not a valid choice.'),
        ({"min_face_px": "3"}, "min_face_px: Ensure this value is greater than or equal to 12."),
        ({"fmr": "0.5"}, "fmr: must be one of 0.001, 0.0001, 1e-05, 1e-06"),
        ({"max_faces": "3"}, "max_faces: unknown field; known fields: "),
        ({"faces": "0", "except_collection": str(uuid4())}, "faces: cannot be combined with `except_collection`"),
    ],
)
def test_wrong_fields_are_named(api: APIClient, empty_scene: bytes, fields: dict[str, str], message: str) -> None:
    status, code, said = error_of(ask(api, empty_scene, **fields))
    assert (status, code) == (400, "invalid_request")
    assert said.startswith(message)


def test_what_is_no_picture_is_refused(api: APIClient) -> None:
    assert error_of(ask(api, b"no picture"))[:2] == (415, "unsupported_media_type")


# Everybody but the people of a collection.


def test_collections_need_identity(api: APIClient, empty_scene: bytes) -> None:
    assert error_of(ask(api, empty_scene, except_collection=str(uuid4())))[:2] == (403, "identity_off")


@pytest.mark.usefixtures("identity")
def test_collections_need_the_scope(api: APIClient, empty_scene: bytes) -> None:
    status, code, message = error_of(ask(api, empty_scene, except_collection=str(uuid4())))
    assert (status, code) == (403, "forbidden")
    assert message == "except_collection: this key or login lacks the scope `identify`"


@pytest.fixture
def staff(identity: None, key: tuple[ApiKey, str]) -> Collection:
    key[0].scopes = [*key[0].scopes, Scope.IDENTIFY]
    key[0].save()
    model = identity_model()
    return collection_create("staff", None, model.card, model.heads["embedding"], Caller(api_key=key[0]))


@pytest.mark.usefixtures("staff")
def test_a_collection_of_another_caller_does_not_exist(api: APIClient, empty_scene: bytes) -> None:
    assert error_of(ask(api, empty_scene, except_collection=str(uuid4())))[:2] == (404, "not_found")


def test_everybody_is_hidden_but_the_people_of_the_collection(
    api: APIClient, staff: Collection, two_faces: bytes, astronaut: bytes
) -> None:
    empty = ask(api, two_faces, except_collection=str(staff.pk))
    assert error_of(empty)[:2] == (409, "empty_collection")
    enrolled = api.post(
        f"/api/v1/collections/{staff.pk}/faces", {"image": as_file(astronaut), "subject": "ada"}, format="multipart"
    )
    assert enrolled.status_code == 201
    answer = ask(api, two_faces, cover="bar", except_collection=str(staff.pk))
    assert (answer["X-Faces-Found"], answer["X-Faces-Covered"]) == ("2", "1")
    assert (is_black(answer, HOPPER_NOSE), is_black(answer, COLLINS_NOSE)) == (True, False)
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.objects_named, event.count) == ("collection.search", [str(staff.pk)], 2)
