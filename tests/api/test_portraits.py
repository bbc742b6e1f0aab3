"""Portraits by the API."""

import io
from typing import Any

import pytest
from PIL import Image
from rest_framework.test import APIClient

from tests.api.test_analyses import as_file
from tests.api.test_nothing_kept import row_counts
from tests.api.test_redactions import error_of

URL = "/api/v1/portraits"


def ask(api: APIClient, photo: bytes, **fields: Any) -> Any:
    return api.post(URL, {"image": as_file(photo), **fields}, format="multipart")


def test_the_answer_is_the_picture_and_nothing_is_kept(api: APIClient, grace_hopper: bytes) -> None:
    before = row_counts()
    answer = ask(api, grace_hopper, background="colour", colour="#1e90ff", format="png")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert "total;dur=" in answer["Server-Timing"]
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.size, picture.getpixel((40, 60))) == ((512, 600), (0x1E, 0x90, 0xFF))
    assert row_counts() == before


def test_a_photo_without_people_is_refused(api: APIClient, empty_scene: bytes) -> None:
    assert error_of(ask(api, empty_scene)) == (422, "no_person", "image: nobody was found in this photo")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"background": "beach"}, 'background: "beach" is not a valid choice.'),
        ({"strength": "0"}, "strength: Ensure this value is greater than or equal to 1."),
        ({"strength": "101"}, "strength: Ensure this value is less than or equal to 100."),
        ({"colour": "red"}, "colour: must be a colour like #1e90ff"),
        (
            {"background": "transparent", "format": "jpeg"},
            "format: a JPEG cannot be transparent; ask for png or webp",
        ),
        ({"min_face_px": "20"}, "min_face_px: unknown field; known fields: "),
    ],
)
def test_wrong_fields_are_named(api: APIClient, empty_scene: bytes, fields: dict[str, str], message: str) -> None:
    status, code, said = error_of(ask(api, empty_scene, **fields))
    assert (status, code) == (400, "invalid_request")
    assert said.startswith(message)
