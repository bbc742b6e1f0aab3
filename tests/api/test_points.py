"""Points, pose and openness over HTTP: answered and stored if they are asked for by name, and in tables."""

import csv
import io
import json

import pytest
from rest_framework.test import APIClient

from cv.models import Analysis, ApiKey, FaceAnswer
from cv.tables import analyses_csv

URL = "/api/v1/analyses"


def post(api: APIClient, photo: bytes, attributes: str | None = None) -> dict:
    image = io.BytesIO(photo)
    image.name = "photo.png"
    answer = api.post(URL, {"image": image, **({"attributes": attributes} if attributes else {})}, format="multipart")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_what_is_asked_for_by_name_is_answered_stored_and_read_back(api: APIClient, astronaut: bytes) -> None:
    body = post(api, astronaut, "age,points,mesh,pose,openness")

    (face,) = body["faces"]
    answers = face["attributes"]
    assert list(answers) == ["age", "points", "mesh", "pose", "openness"]
    assert (answers["points"]["scheme"], len(answers["points"]["points"])) == ("ibug68", 68)
    assert (answers["mesh"]["scheme"], len(answers["mesh"]["points"])) == ("mesh468", 468)
    assert list(answers["pose"]["values"]) == ["yaw", "pitch", "roll"]
    assert answers["pose"]["values"]["roll"] == pytest.approx(3.4, abs=1.5)
    assert list(answers["openness"]["probabilities"]) == ["left_eye", "right_eye", "mouth"]
    assert [model["name"] for model in body["models"]] == ["xcloud-attributes", "face-mesh"]
    assert set(FaceAnswer.objects.values_list("output", flat=True)) == {"points", "mesh", "pose", "openness"}
    assert api.get(f"{URL}/{body['id']}").json()["faces"] == body["faces"]


def test_without_a_name_none_is_answered_and_no_row_is_written(api: APIClient, astronaut: bytes) -> None:
    body = post(api, astronaut)

    assert list(body["faces"][0]["attributes"]) == ["age", "gender", "race", "expression", "beauty"]
    assert [model["name"] for model in body["models"]] == ["xcloud-attributes"]
    assert not FaceAnswer.objects.exists()


def test_a_key_without_them_is_refused_by_name(api: APIClient, key: tuple[ApiKey, str], astronaut: bytes) -> None:
    ApiKey.objects.filter(pk=key[0].pk).update(attributes=["age", "points"])
    image = io.BytesIO(astronaut)
    image.name = "photo.png"

    answer = api.post(URL, {"image": image, "attributes": "points,pose"}, format="multipart")

    assert answer.status_code == 403
    assert "pose" in answer.json()["error"]["message"]
    assert "points" not in answer.json()["error"]["message"]


def test_a_table_has_a_number_for_each_angle_and_each_probability(api: APIClient, astronaut: bytes) -> None:
    body = post(api, astronaut, "points,pose,openness")
    allowed = frozenset({"points", "pose", "openness"})

    text = analyses_csv([("photo.png", Analysis.objects.get())], allowed)

    (row,) = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    answers = body["faces"][0]["attributes"]
    assert float(row["pose_yaw"]) == pytest.approx(answers["pose"]["values"]["yaw"])
    assert float(row["openness_mouth"]) == pytest.approx(answers["openness"]["probabilities"]["mouth"], abs=1e-5)
    assert json.loads(row["points"]) == answers["points"]["points"]
