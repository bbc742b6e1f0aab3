"""The model's card, health, and the schema that describes it all."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.engine.config import WEIGHTS_DIR
from cv.engine.pool import EngineDied, EnginePool, EnginesBusy
from cv.serving.engines import served_engine
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def no_weights(settings: Settings, tmp_path: Path) -> None:
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, weights_dir=tmp_path)


def test_models_lists_the_cards_of_all_models_in_service(api: APIClient) -> None:
    card = served_engine().card
    listed = api.get("/api/v1/models").json()
    assert [model["name"] for model in listed["results"]] == [each.name for each in served_engine().catalog.cards]
    model, *others = listed["results"]
    assert model["name"] == card.name
    assert model["outputs"] == ["age", "gender", "race", "expression", "beauty"]
    assert model["sha256"] == card.sha256
    assert model["labels"]["gender"] == ["female", "male"]
    assert model["metrics"] == card.metrics
    assert model["abstain_below"] == {"gender": 0.9, "race": 0.6, "expression": 0.45}
    assert model["abstain_wider"] == {"age": 35, "beauty": 9}
    assert model["abstain_quality"] == 0.25
    one = api.get(f"/api/v1/models/{card.name}").json()
    assert {name: one[name] for name in model} == model
    by_name = {other["name"]: other for other in others}
    assert {"face-mesh", "xcloud-face-check", "xcloud-quality", "selfie"} <= by_name.keys()
    mesh = by_name["face-mesh"]
    assert (mesh["outputs"], mesh["interval_coverage"]) == (["points", "mesh", "pose", "openness"], None)
    assert (mesh["abstain_below"], mesh["abstain_wider"]) == ({}, {})


@pytest.mark.parametrize("name", ["face-mesh", "xcloud-face-check", "xcloud-quality", "selfie"])
def test_each_model_has_a_card(api: APIClient, name: str) -> None:
    card = api.get(f"/api/v1/models/{name}").json()
    assert card["sections"]
    for picture in card["pictures"]:
        assert api.get(picture["url"]).status_code == 200


def test_unknown_model_is_404(api: APIClient) -> None:
    assert api.get("/api/v1/models/nothing").json()["error"]["code"] == "not_found"


def test_healthz_needs_nothing(client: Client, settings: Settings) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": settings.XCLOUD_VERSION})


def test_readyz_loads_the_engine(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_readyz_does_not_stand_in_line_with_images(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(pool: EnginePool, patience_s: float) -> None:
        assert patience_s <= 1
        raise EnginesBusy

    monkeypatch.setattr(EnginePool, "check", busy)
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(("silent_s", "status"), [(19, 200), (25, 503)])
def test_readyz_is_503_if_no_engine_has_answered_for_long(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch, silent_s: float, status: int
) -> None:
    monkeypatch.setattr(EnginePool, "silent_s", lambda _: silent_s)
    answer = client.get("/readyz")
    assert answer.status_code == status
    if status == 503:
        assert answer.json()["error"]["details"] == {"model": ["no engine has answered for 25 s"]}
        assert client.get("/healthz").status_code == 200


def test_an_image_whose_engine_ends_twice_is_503(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def died(*_: object) -> None:
        raise EngineDied

    monkeypatch.setattr(EnginePool, "analyze", died)
    answer = api.post("/api/v1/analyses", {"image": "AAAA"})
    assert (answer.status_code, answer.json()["error"]["code"], answer["Retry-After"]) == (503, "overloaded", "1")


@pytest.mark.usefixtures("no_weights")
def test_readyz_without_weights_is_503(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"] == {
        "code": "model_not_ready",
        "message": "not ready: model",
        "details": {"model": ["manifest.json cannot be read: No such file or directory"]},
    }


def older_manifest(weights: Path) -> None:
    manifest = json.loads((weights / "manifest.json").read_text())
    (weights / "manifest.json").write_text(json.dumps(manifest | {"format": 1}))


def other_heads(weights: Path) -> None:
    manifest = json.loads((weights / "manifest.json").read_text())
    manifest["models"][0]["outputs"].reverse()
    (weights / "manifest.json").write_text(json.dumps(manifest))


def missing_file(weights: Path) -> None:
    (weights / "attributes.onnx").unlink()


def changed_file(weights: Path) -> None:
    with (weights / "attributes.onnx").open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (older_manifest, "manifest.json: format is 1; this version reads 2"),
        (missing_file, "attributes.onnx (manifest.json: models[0].onnx) cannot be read: No such file or directory"),
        (changed_file, "attributes.onnx was changed: it differs from models[0].onnx.sha256 of manifest.json"),
        (
            other_heads,
            "attributes.onnx has the heads age 101, gender 2, race 5, expression 7, beauty 10; "
            "manifest.json: models[0].heads has beauty 10, expression 7, race 5, gender 2, age 101",
        ),
    ],
)
def test_readyz_says_which_file_and_field_is_wrong_and_the_server_stays_up(
    client: Client, db: None, settings: Settings, tmp_path: Path, change: Callable[[Path], None], reason: str
) -> None:
    weights = shutil.copytree(WEIGHTS_DIR, tmp_path / "weights")
    change(weights)
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, weights_dir=weights)

    answers = [client.get("/readyz") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert [answer.json()["error"]["details"] for answer in answers] == [{"model": [reason]}] * 2
    assert client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("no_weights")
def test_analysis_without_weights_is_503(api: APIClient) -> None:
    answer = api.post("/api/v1/analyses", {"image": "AAAA"})
    assert answer.status_code == 503
    assert answer.json()["error"] == {
        "code": "model_not_ready",
        "message": "manifest.json cannot be read: No such file or directory",
        "details": {},
    }
    assert answer["Retry-After"] == "10"


@pytest.fixture
def schema(client: Client) -> Any:
    return json.loads(client.get("/api/schema?format=json").content)


def test_schema_documents_every_endpoint_and_its_errors(schema: Any) -> None:
    documented = {
        path: sorted(set(methods) & {"get", "post", "put", "patch", "delete"})
        for path, methods in schema["paths"].items()
    }
    assert documented == {
        "/api/v1/analyses": ["get", "post"],
        "/api/v1/analyses/{analysis_id}": ["delete", "get"],
        "/api/v1/analyses/{analysis_id}/faces/{index}/chip": ["get"],
        "/api/v1/analyses/{analysis_id}/faces/{index}/labels": ["put"],
        "/api/v1/analyses/{analysis_id}/labels": ["get"],
        "/api/v1/analyses/{analysis_id}/picture": ["get"],
        "/api/v1/analyses/{analysis_id}/reanalyse": ["post"],
        "/api/v1/api-keys": ["get", "post"],
        "/api/v1/api-keys/{key_id}": ["delete", "get", "patch"],
        "/api/v1/audit": ["get"],
        "/api/v1/collections": ["get", "post"],
        "/api/v1/collections/{collection_id}": ["delete", "get", "patch"],
        "/api/v1/collections/{collection_id}/faces": ["get", "post"],
        "/api/v1/collections/{collection_id}/faces/{face_id}": ["delete"],
        "/api/v1/collections/{collection_id}/groups": ["post"],
        "/api/v1/collections/{collection_id}/search": ["post"],
        "/api/v1/collections/{collection_id}/subjects": ["get"],
        "/api/v1/collections/{collection_id}/subjects/{subject}": ["delete"],
        "/api/v1/collections/{collection_id}/unknown": ["get", "post"],
        "/api/v1/collections/{collection_id}/unknown/{group_id}/merge": ["post"],
        "/api/v1/collections/{collection_id}/unknown/{group_id}/name": ["post"],
        "/api/v1/collections/{collection_id}/unknown/{group_id}/reject": ["post"],
        "/api/v1/collections/{collection_id}/unknown/{group_id}/split": ["post"],
        "/api/v1/collections/{collection_id}/vectors": ["post"],
        "/api/v1/collections/{collection_id}/verify": ["post"],
        "/api/v1/comparisons": ["post"],
        "/api/v1/detections": ["post"],
        "/api/v1/embeddings": ["post"],
        "/api/v1/identity": ["get"],
        "/api/v1/jobs": ["get", "post"],
        "/api/v1/jobs/{job_id}": ["delete", "get"],
        "/api/v1/jobs/{job_id}/cancel": ["post"],
        "/api/v1/jobs/{job_id}/items": ["get"],
        "/api/v1/jobs/{job_id}/pause": ["post"],
        "/api/v1/jobs/{job_id}/results": ["get"],
        "/api/v1/jobs/{job_id}/resume": ["post"],
        "/api/v1/jobs/{job_id}/retry": ["post"],
        "/api/v1/labels/report": ["get"],
        "/api/v1/labels/table": ["get"],
        "/api/v1/videos": ["post"],
        "/api/v1/videos/{job_id}": ["get"],
        "/api/v1/videos/{job_id}/frames/{index}": ["get"],
        "/api/v1/videos/{job_id}/people/{index}/stills/{kind}": ["get"],
        "/api/v1/models": ["get"],
        "/api/v1/models/{name}": ["get"],
        "/api/v1/models/{name}/files/{file_name}": ["get"],
        "/api/v1/portraits": ["post"],
        "/api/v1/previews": ["post"],
        "/api/v1/receipt-keys": ["get"],
        "/api/v1/redactions": ["post"],
        "/api/v1/subjects/erase": ["post"],
        "/api/v1/subjects/export": ["post"],
        "/api/v1/subjects/{subject}/erase": ["post"],
        "/api/v1/subjects/{subject}/export": ["get"],
        "/api/v1/webhooks": ["get", "post"],
        "/api/v1/webhooks/{webhook_id}": ["delete", "get", "patch"],
        "/api/v1/webhooks/{webhook_id}/deliveries": ["get"],
    }
    post = schema["paths"]["/api/v1/analyses"]["post"]
    assert set(post["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    assert set(post["responses"]) == {
        "200", "201", "400", "401", "403", "409", "413", "415", "422", "429", "500", "503",
    }  # fmt: skip
    for status in set(post["responses"]) - {"200", "201"}:
        content = post["responses"][status]["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}
    assert {"ApiKey": []} in post["security"]


def test_real_answers_fit_the_schema(schema: Any, api: APIClient, caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result())
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": schema["components"]}

    def check(name: str, body: Any) -> None:
        jsonschema.validate(body, {**root, "$ref": f"#/components/schemas/{name}"})

    check("Analysis", api.get(f"/api/v1/analyses/{analysis.pk}").json())
    check("AnalysisPage", api.get("/api/v1/analyses?page_size=1").json())
    check("ErrorAnswer", api.get("/api/v1/analyses?colour=red").json())
    check("ModelList", api.get("/api/v1/models").json())
    check("ModelDetail", api.get(f"/api/v1/models/{served_engine().card.name}").json())
    with pytest.raises(jsonschema.ValidationError):
        check("Analysis", {})


def test_schema_generates_without_a_warning() -> None:
    command = [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_docs_come_from_this_server_alone(client: Client) -> None:
    page = client.get("/api/docs").content.decode()
    assert "swagger-ui" in page
    assert "https://" not in page
    assert "http://" not in page


def test_every_answer_carries_security_headers(client: Client) -> None:
    for path in ("/healthz", "/login/", "/api/docs", "/api/v1/analyses"):
        answer = client.get(path)
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"], path
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert len(answer["X-Request-ID"]) == 32
