"""The first XCloud's route, as its clients know it: {code, msg, data, elapse}."""

import base64
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from api.compat import first_scale
from cv.models import Analysis
from tests.site import Site

URL = "/cv/fbp"


@pytest.fixture(autouse=True)
def on(settings: Settings, db: None) -> None:
    settings.XCLOUD_COMPAT_ROUTE = True


def as_file(data: bytes) -> dict[str, Any]:
    return {"image": SimpleUploadedFile("me.jpg", data, "image/jpeg")}


def test_face_is_answered_in_the_first_shape_and_nothing_is_kept(
    client: Client, astronaut: bytes, pictures: Path
) -> None:
    answer = client.post(URL, as_file(astronaut))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    body = answer.json()
    assert list(body) == ["code", "msg", "data", "elapse"]
    assert (body["code"], body["msg"]) == (0, "success")
    assert isinstance(body["elapse"], float)
    assert list(body["data"]) == ["imgpath", "beauty", "detection"]
    assert 1 <= body["data"]["beauty"] <= 5
    detection = body["data"]["detection"]
    # [x, y, width, height] in whole pixels, as in the mtcnn package.
    assert detection["box"] == pytest.approx([180, 61, 88, 111], abs=4)
    assert all(isinstance(value, int) for value in detection["box"])
    assert set(detection["keypoints"]) == {"left_eye", "right_eye", "nose", "mouth_left", "mouth_right"}
    assert detection["confidence"] > 0.9
    assert Analysis.objects.count() == 0
    assert not pictures.exists()


def test_file_base64_and_address_give_the_same(client: Client, site: Site, grace_hopper: bytes) -> None:
    bodies = [
        client.post(URL, as_file(grace_hopper)).json(),
        client.post(URL, {"image": base64.b64encode(grace_hopper).decode()}).json(),
        client.post(URL, {"image": f"{site.address}/photo.jpg"}).json(),
    ]
    assert [body["code"] for body in bodies] == [0, 0, 0]
    assert bodies[0]["data"] == bodies[1]["data"] == bodies[2]["data"]


def test_no_face_is_code_3(client: Client, empty_scene: bytes) -> None:
    answer = client.post(URL, as_file(empty_scene))
    body = answer.json()
    assert (answer.status_code, body["code"], body["msg"], body["data"]) == (200, 3, "None face is detected", None)


@pytest.mark.parametrize(
    ("sent", "status", "code", "message"),
    [
        ({}, 400, 1, "Invalid Path for Face Image"),
        ({"image": ""}, 400, 1, "Invalid Path for Face Image"),
        ({"image": "!!!"}, 400, 4, "image: not valid base64"),
        ({"image": "http://127.0.0.1/a.jpg"}, 422, 4, "url: the host is not on the public internet"),
        ({"image": base64.b64encode(b"text").decode()}, 415, 4, None),
    ],
)
def test_a_failure_has_the_first_shape_but_is_no_200(
    client: Client, sent: dict[str, str], status: int, code: int, message: str | None
) -> None:
    answer = client.post(URL, sent)
    body = answer.json()
    assert (answer.status_code, body["code"], body["data"]) == (status, code, None)
    assert message is None or body["msg"] == message


def test_wrong_method_is_code_2(client: Client) -> None:
    answer = client.get(URL)
    assert (answer.status_code, answer.json()["code"], answer.json()["msg"]) == (405, 2, "Invalid HTTP Method")


def test_route_is_not_there_unless_asked_for(client: Client, settings: Settings) -> None:
    settings.XCLOUD_COMPAT_ROUTE = False
    assert client.post(URL, {"image": "x"}).status_code == 404


def test_beauty_from_1_to_10_becomes_1_to_5() -> None:
    assert [first_scale(value) for value in (1.0, 5.5, 10.0)] == [1.0, 3.0, 5.0]
