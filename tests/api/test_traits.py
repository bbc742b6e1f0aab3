"""Traits are answered if they are asked for, and the judgements among them only if the operator names them."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Source
from cv.engine.labels import FACE_TRAITS, JUDGED_TRAITS
from cv.engine.types import Flags, ModelRun
from cv.models import AnalysisModel, FaceAnswer
from cv.services import AnalysisRequest, analysis_save
from cv.trust.caller import Caller
from tests.factories import RUN, analysis_result, described

URL = "/api/v1/analyses"
MODEL = ModelRun("xcloud-traits", "1", "ef" * 32, 0.5, frozenset({"traits"}))


def posted(api: APIClient, photo: bytes, attributes: str) -> Any:
    return api.post(URL, {"image": SimpleUploadedFile("a.png", photo), "attributes": attributes}, format="multipart")


def test_eileen_collins_smiles_without_glasses_or_hat(api: APIClient, astronaut: bytes) -> None:
    body = posted(api, astronaut, "gender,traits").json()

    (face,) = body["faces"]
    assert list(face["attributes"]) == ["gender", "traits"]
    shares = face["attributes"]["traits"]["probabilities"]
    assert list(shares) == list(FACE_TRAITS)
    assert min(shares[name] for name in ("smiling", "no_beard", "high_cheekbones")) > 0.8
    assert max(shares[name] for name in ("bald", "eyeglasses", "mustache", "wearing_hat")) < 0.1
    assert shares["male"] < 0.5
    assert [model["name"] for model in body["models"]] == ["xcloud-attributes", "xcloud-traits"]
    assert FaceAnswer.objects.get().value["shape"] == "flags"
    assert AnalysisModel.objects.get(name="xcloud-traits").sha256 == body["models"][1]["sha256"]
    assert api.get(f"{URL}/{body['id']}").json() == body


def test_judgements_are_refused_unless_the_operator_names_them(
    api: APIClient, astronaut: bytes, settings: Settings
) -> None:
    assert posted(api, astronaut, "judged_traits").status_code == 403

    settings.XCLOUD_ATTRIBUTES = frozenset({"age", "judged_traits"})

    (face,) = posted(api, astronaut, "judged_traits").json()["faces"]
    assert list(face["attributes"]["judged_traits"]["probabilities"]) == list(JUDGED_TRAITS)
    assert posted(api, astronaut, "traits").status_code == 403


@pytest.fixture
def root(client: Client, db: None) -> User:
    user = User.objects.create_superuser("root", password="x")
    client.force_login(user)
    return user


def test_the_start_page_offers_traits_and_no_judgements(client: Client, root: User, settings: Settings) -> None:
    html = client.get("/").content.decode()
    assert 'value="traits"' in html
    assert 'value="judged_traits"' not in html

    settings.XCLOUD_ATTRIBUTES = frozenset({"age"})
    assert 'value="traits"' not in client.get("/").content.decode()


def test_table_and_admin_show_the_traits_of_a_face(client: Client, root: User) -> None:
    answer = Flags({name: 0.75 if name == "eyeglasses" else 0.25 for name in FACE_TRAITS})
    result = analysis_result(described(traits=answer), models=(RUN, MODEL))
    row = analysis_save(result, AnalysisRequest(b"", Source.UPLOAD), Caller(user=root))
    type(row).objects.filter(pk=row.pk).update(asked_attributes=["age", "traits"])

    text = client.post("/analyses.csv", f'[["{row.pk}", ""]]', content_type="application/json").content
    (line,) = csv.DictReader(io.StringIO(text.decode("utf-8-sig")))
    assert [line[f"traits_{name}"] for name in ("5_o_clock_shadow", "eyeglasses", "young")] == ["0.25", "0.75", "0.25"]
    assert "eyeglasses" in client.get("/admin/cv/face/").content.decode()
