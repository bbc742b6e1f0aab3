"""The toy reader, one file named in XCLOUD_PLUGINS, appears in every interface without other edits."""

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from cv.choices import Source
from cv.engine.outputs import all_outputs
from cv.engine.types import ModelRun, Vector
from cv.models import Analysis, AnalysisModel, ApiKey, Face, FaceAnswer
from cv.services import AnalysisRequest, analysis_save
from cv.serving.outputs import load_outputs
from cv.trust.caller import Caller
from tests.factories import RUN, analysis_result, described

ROOT = Path(__file__).resolve().parents[2]
URL = "/api/v1/analyses"
TOY = ModelRun("toy", "1", "ef" * 32, 0.5, frozenset({"mean_colour"}))

pytestmark = pytest.mark.usefixtures("plugin")


def posted(api: APIClient, photo: bytes, attributes: str) -> Any:
    return api.post(URL, {"image": SimpleUploadedFile("a.png", photo), "attributes": attributes}, format="multipart")


def coloured(caller: Caller, faces: int = 1) -> Analysis:
    """A stored analysis whose faces have the five answers and a mean colour."""
    face = described(mean_colour=Vector((151.5, 115.75, 100.625)))
    found = [replace(face, index=index) for index in range(faces)]
    result = analysis_result(*found, models=(RUN, TOY))
    return analysis_save(result, AnalysisRequest(b"", Source.UPLOAD), caller)


def test_it_is_answered_and_stored_beside_the_model_that_gave_it(api: APIClient, astronaut: bytes) -> None:
    answer = posted(api, astronaut, "gender,mean_colour")
    assert answer.status_code == 201
    body = answer.json()
    (face,) = body["faces"]
    assert list(face["attributes"]) == ["gender", "mean_colour"]
    values = face["attributes"]["mean_colour"]["values"]
    assert list(values) == ["red", "green", "blue"]
    assert all(0 < value < 255 for value in values.values())
    assert [model["name"] for model in body["models"]] == ["xcloud-attributes", "toy"]
    assert body["model"]["name"] == "xcloud-attributes"
    assert all(model["ms"] > 0 for model in body["models"])

    row = FaceAnswer.objects.get()
    assert (row.output, row.value["shape"], row.model.name) == ("mean_colour", "vector", "toy")
    assert row.value["values"] == pytest.approx(list(values.values()), abs=1e-5)
    assert AnalysisModel.objects.get(name="toy").sha256 == body["models"][1]["sha256"]
    # A second read gives the same.
    assert api.get(f"{URL}/{body['id']}").json() == body


def test_it_is_not_computed_unless_it_is_asked_for(api: APIClient, astronaut: bytes) -> None:
    body = api.post(URL, {"image": SimpleUploadedFile("a.png", astronaut)}, format="multipart").json()
    assert list(body["faces"][0]["attributes"]) == ["age", "gender", "race", "expression", "beauty"]
    assert [model["name"] for model in body["models"]] == ["xcloud-attributes"]
    assert not FaceAnswer.objects.exists()


def test_the_schema_names_it_as_an_option_and_describes_its_answer() -> None:
    told = manage("spectacular", "--format", "openapi-json", plugins="tests.toy_reader")
    schemas = json.loads(told.stdout)["components"]["schemas"]
    assert schemas["Attributes"]["properties"]["mean_colour"] == {"$ref": "#/components/schemas/MeanColourAnswer"}
    answer = schemas["MeanColourAnswer"]["properties"]["values"]
    assert answer["properties"] == {name: {"type": "number"} for name in ("red", "green", "blue")}
    named = schemas["JsonAnalysisInputRequest"]["properties"]["attributes"]["items"]["$ref"]
    names = schemas[named.rpartition("/")[2]]["enum"]
    assert names[:5] == ["age", "gender", "race", "expression", "beauty"]
    assert names[-1] == "mean_colour"


def test_a_key_and_the_server_can_be_held_to_less(
    api: APIClient, key: tuple[ApiKey, str], caller: Caller, astronaut: bytes, settings: Settings
) -> None:
    stored = coloured(caller)
    ApiKey.objects.filter(pk=key[0].pk).update(attributes=["age"])
    assert posted(api, astronaut, "mean_colour").status_code == 403
    assert list(api.get(f"{URL}/{stored.pk}").json()["faces"][0]["attributes"]) == ["age"]
    # The key may not read all that is stored.
    assert api.get("/api/v1/subjects/x/export").status_code == 403
    ApiKey.objects.filter(pk=key[0].pk).update(attributes=None)
    assert "mean_colour" in api.get(f"{URL}/{stored.pk}").json()["faces"][0]["attributes"]
    settings.XCLOUD_ATTRIBUTES = frozenset({"age", "gender"})
    assert posted(api, astronaut, "mean_colour").status_code == 403
    assert list(api.get(f"{URL}/{stored.pk}").json()["faces"][0]["attributes"]) == ["age", "gender"]


def test_a_setting_that_names_an_unknown_output_stops_the_server(settings: Settings) -> None:
    settings.XCLOUD_ATTRIBUTES = frozenset({"age", "mean_colour"})
    load_outputs()
    settings.XCLOUD_ATTRIBUTES = frozenset({"age", "iq"})
    with pytest.raises(ImproperlyConfigured, match=r"XCLOUD_ATTRIBUTES must be some of age, .*mean_colour.*, not iq"):
        load_outputs()


def test_a_plugin_that_cannot_be_imported_does_not_stop_the_server(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, plugins=("no_such_plugin",))
    load_outputs()
    assert "the plugin no_such_plugin cannot be imported" in caplog.text


def test_lists_take_as_many_queries_for_twenty_faces_as_for_one(
    api: APIClient, caller: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    coloured(caller)
    api.get(URL)
    for _ in range(2):
        # The key, the analyses, their faces, those faces' further answers, the analyses' models, the audit log.
        with django_assert_num_queries(6):
            assert "mean_colour" in api.get(URL).json()["results"][0]["faces"][0]["attributes"]
        for _ in range(3):
            coloured(caller, faces=7)


def test_a_table_has_its_columns_if_it_was_asked_for(client: Client, db: None) -> None:
    root = User.objects.create_superuser("root", password="x")
    row = coloured(Caller(user=root))
    Analysis.objects.filter(pk=row.pk).update(asked_attributes=["age", "mean_colour"])
    client.force_login(root)
    text = client.post("/analyses.csv", json.dumps([[str(row.pk), ""]]), content_type="application/json").content
    (line,) = csv.DictReader(io.StringIO(text.decode("utf-8-sig")))
    assert [line[f"mean_colour_{part}"] for part in ("red", "green", "blue")] == ["151.5", "115.75", "100.625"]


def test_the_admin_has_a_column_for_it(client: Client, db: None) -> None:
    root = User.objects.create_superuser("root", password="x")
    row = coloured(Caller(user=root))
    client.force_login(root)
    for page in ("/admin/cv/face/", f"/admin/cv/analysis/{row.pk}/change/"):
        html = client.get(page).content.decode()
        assert "Mean colour" in html
        assert "red 151.5, green 115.8, blue 100.6 of 255" in html


def test_the_pages_scripts_know_its_shape_and_its_title(client: Client) -> None:
    script = client.get("/texts.js").content.decode()
    words = json.loads(script.rpartition("window.words = ")[2].strip().rstrip(";"))
    assert words["outputs"]["mean_colour"] == {
        "shape": "vector", "title": "Mean colour", "unit": "of 255", "scale": None, "range": None,
        "limited": False, "limit": None,
    }  # fmt: skip


def test_an_answer_whose_plugin_is_gone_stays_stored_and_is_not_shown(
    api: APIClient, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = coloured(caller)
    left = {output.name: output for output in all_outputs() if output.default}
    monkeypatch.setattr("cv.engine.outputs._OUTPUTS", left)
    assert list(api.get(f"{URL}/{stored.pk}").json()["faces"][0]["attributes"]) == list(left)
    assert FaceAnswer.objects.count() == 1
    assert api.delete(f"{URL}/{stored.pk}").status_code == 204
    assert not Face.objects.exists()
    assert not FaceAnswer.objects.exists()


def test_the_setting_brings_it_to_the_commands() -> None:
    command = ("analyze_image", "--attributes", "mean_colour", "--json", "no-such-picture.jpg")
    # The name is taken; the picture is not there.
    told = manage(*command, plugins="tests.toy_reader")
    assert json.loads(told.stdout)["error"]["code"] == "invalid_request"
    assert "invalid choice: 'mean_colour'" in manage(*command, plugins="").stderr


def manage(*command: str, plugins: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in its own process, which reads its settings again."""
    environment = {**os.environ, "XCLOUD_PLUGINS": plugins}
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
