"""Comparing faces: what the operator must state, who may do it, what is answered, and what is refused."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.core.checks import run_checks
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.engine.config import WEIGHTS_DIR, Pack
from cv.engine.errors import UndecodableImage
from cv.engine.manifest import read_manifest
from cv.engine.types import AnalysisOptions, AnalysisResult, Estimate, FaceResult, Quality, Vector
from cv.identity import faces as identity_faces
from cv.models import Analysis, AuditEvent, Face, IdempotentRequest
from cv.services import api_key_create
from cv.trust.caller import Caller
from tests.factories import analysis_result, face_result, stored_analysis

COMPARE, EMBED = "/api/v1/comparisons", "/api/v1/embeddings"
SFACE = next(model.card for model in read_manifest(WEIGHTS_DIR).models if model.odds)


def vector(cosine: float) -> tuple[float, ...]:
    """A unit vector with this cosine to ``vector(1)``."""
    return (cosine, (1 - cosine**2) ** 0.5, *[0.0] * 126)


def face(cosine: float = 1.0, index: int = 0, age: float = 40.0, quality: float = 0.9) -> FaceResult:
    answers = {"embedding": Vector(vector(cosine)), "age": Estimate(age, (age, age), coverage=0.85)}
    return face_result(index, attributes=answers, quality=Quality(quality))


Answers = dict[bytes, AnalysisResult | Exception]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Instead of the engine: what it finds in an image of these bytes."""
    found: Answers = {}

    def analyzed(data: bytes, options: AnalysisOptions, *_: Any) -> AnalysisResult:
        assert options.attributes == {"embedding", "age"}
        result = found[data]
        if isinstance(result, Exception):
            raise result
        return replace(result, faces=result.faces[: options.max_faces])

    monkeypatch.setattr(identity_faces, "analyzed", analyzed)
    return found


@pytest.fixture
def identity_on(settings: Settings) -> None:
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_IDENTITY_PURPOSE = "Access to the laboratory."
    settings.XCLOUD_IDENTITY_LEGAL_BASIS = "Consent, Art. 9(2)(a) GDPR."
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)


@pytest.fixture
def identifier(identity_on: None, db: None, client_of: Callable[[str], APIClient]) -> APIClient:
    """A client whose key may compare faces and nothing else."""
    return client_of(api_key_create("gate", scopes=[Scope.IDENTIFY])[1])


def image(data: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(data).decode()}


def error_of(answer: Any) -> tuple[int, str, list[str]]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], list(error["details"])


def test_real_portraits_are_told_apart_and_found_again(
    identifier: APIClient, grace_hopper: bytes, two_faces: bytes
) -> None:
    files = {"first": SimpleUploadedFile("a.jpg", grace_hopper), "second": SimpleUploadedFile("b.png", two_faces)}
    answer = identifier.post(COMPARE, files, format="multipart")

    assert answer.status_code == 200, answer.content
    body = answer.json()
    hopper, collins = body["pairs"]
    assert [len(body[side]["faces"]) for side in ("first", "second")] == [1, 2]
    assert (hopper["first"], hopper["second"], hopper["same"], collins["second"], collins["same"]) == (
        0,
        0,
        True,
        1,
        False,
    )
    assert hopper["similarity"] > 0.9 > 0.3 > collins["similarity"]
    assert hopper["probability"] > 0.99999
    assert collins["probability"] < 0.1
    assert (body["threshold"], body["prior"]) == ({"fmr": 0.0001, "similarity": 0.443}, 0.5)
    assert body["model"] == {"name": "sface", "version": "2021dec", "sha256": SFACE.sha256}
    assert Analysis.objects.count() == Face.objects.count() == IdempotentRequest.objects.count() == 0
    event = AuditEvent.objects.get()
    assert (event.action, event.objects_named, event.count) == ("comparison.create", [], 2)

    (found,) = identifier.post(EMBED, {"image": SimpleUploadedFile("a.jpg", grace_hopper)}, format="multipart").json()[
        "faces"
    ]
    assert len(found["embedding"]) == 128
    assert sum(number**2 for number in found["embedding"]) == pytest.approx(1, abs=1e-4)
    assert "age" not in json.dumps(found)
    again = identifier.post(
        COMPARE, {"first": {"embedding": found["embedding"], "model": SFACE.sha256}, "second": image(grace_hopper)}
    ).json()
    assert again["pairs"][0]["similarity"] == pytest.approx(1, abs=1e-4)
    assert again["first"] == {"image": None, "faces": None}


@pytest.mark.parametrize(
    ("fmr", "threshold", "same"), [(1e-3, 0.384, True), (1e-4, 0.443, True), (1e-5, 0.497, False), (1e-6, 0.597, False)]
)
def test_the_rate_decides(identifier: APIClient, engine: Answers, fmr: float, threshold: float, same: bool) -> None:
    engine[b"a"], engine[b"b"] = analysis_result(face()), analysis_result(face(0.45))
    body = identifier.post(COMPARE, {"first": image(b"a"), "second": image(b"b"), "fmr": fmr}).json()
    assert body["threshold"] == {"fmr": fmr, "similarity": threshold}
    assert body["pairs"][0]["same"] is same


def test_the_prior_moves_the_probability_alone(identifier: APIClient, engine: Answers) -> None:
    engine[b"a"], engine[b"b"] = analysis_result(face()), analysis_result(face(0.45))
    pairs = [
        identifier.post(COMPARE, {"first": image(b"a"), "second": image(b"b"), **prior}).json()["pairs"][0]
        for prior in ({}, {"prior": 0.5}, {"prior": 0.001})
    ]
    assert pairs[0] == pairs[1]
    assert pairs[0]["probability"] == pytest.approx(0.99518, abs=1e-4)
    assert pairs[2]["probability"] == pytest.approx(0.1713, abs=1e-3)
    assert pairs[2] | {"probability": 0} == pairs[0] | {"probability": 0}


@pytest.mark.parametrize(
    ("weak", "doubts"),
    [
        (face(0.9, quality=0.19), ["low_quality"]),
        (face(0.9, age=12.9), ["child"]),
        (face(0.0, age=4, quality=0), ["low_quality", "child"]),
    ],
)
def test_a_weak_face_is_compared_but_decides_nothing(
    identifier: APIClient, engine: Answers, weak: FaceResult, doubts: list[str]
) -> None:
    engine[b"a"], engine[b"b"] = analysis_result(face()), analysis_result(weak)
    body = identifier.post(COMPARE, {"first": image(b"a"), "second": image(b"b")}).json()
    assert body["second"]["faces"][0]["doubts"] == doubts
    assert body["first"]["faces"][0]["doubts"] == []
    assert body["pairs"][0]["same"] is None
    assert body["pairs"][0]["similarity"] >= 0


def test_a_face_of_an_analysis_is_read_from_its_kept_picture(
    identity_on: None, db: None, client_of: Callable[[str], APIClient], engine: Answers, grace_hopper: bytes
) -> None:
    row, text = api_key_create("own", scopes=[Scope.IDENTIFY])
    own = Caller(api_key=row)
    kept = stored_analysis(own, face_result(), data=grace_hopper, image=True)
    with kept.picture.open("rb") as file:
        engine[file.read()] = analysis_result(face(0.1), face(0.8, index=1))
    engine[b"b"] = analysis_result(face())
    client = client_of(text)

    both = client.post(COMPARE, {"first": {"analysis": kept.pk}, "second": image(b"b")}).json()
    one = client.post(COMPARE, {"first": {"analysis": kept.pk, "face": 1}, "second": image(b"b")}).json()
    assert [pair["first"] for pair in both["pairs"]] == [0, 1]
    assert [(pair["first"], pair["similarity"], pair["same"]) for pair in one["pairs"]] == [(1, 0.8, True)]
    assert AuditEvent.objects.first().objects_named == [str(kept.pk)]  # type: ignore[union-attr]

    absent = client.post(COMPARE, {"first": {"analysis": kept.pk, "face": 2}, "second": image(b"b")})
    assert error_of(absent) == (422, "no_face", ["first"])
    bare = stored_analysis(own, face_result())
    unkept = client.post(COMPARE, {"first": image(b"b"), "second": {"analysis": bare.pk}})
    assert error_of(unkept) == (400, "invalid_request", ["second"])
    stranger = client_of(api_key_create("other", scopes=[Scope.IDENTIFY])[1])
    for pk in (kept.pk, uuid4()):
        foreign = stranger.post(COMPARE, {"first": {"analysis": pk}, "second": image(b"b")})
        assert error_of(foreign) == (404, "not_found", [])


GOOD: dict[str, Any] = {"embedding": list(vector(1)), "model": SFACE.sha256}


@pytest.mark.parametrize(
    ("second", "status", "code"),
    [
        (image(b"empty"), 422, "no_face"),
        (image(b"crowd"), 422, "too_many_faces"),
        (image(b"broken"), 422, "undecodable_image"),
        ({"image": "no base64!"}, 400, "invalid_request"),
        ({"url": "http://127.0.0.1/x.jpg"}, 422, "url_forbidden"),
        ({}, 400, "invalid_request"),
        ({**image(b"a"), "url": "https://example.org"}, 400, "invalid_request"),
        ({"colour": "red"}, 400, "invalid_request"),
        ("text", 400, "invalid_request"),
        ({**GOOD, "model": "ab" * 32}, 422, "other_model"),
        ({**GOOD, "embedding": [0.5] * 127}, 422, "other_model"),
        ({**GOOD, "embedding": [0.0] * 128}, 400, "invalid_request"),
        ({**GOOD, "embedding": [1e308] * 128}, 400, "invalid_request"),
        ({**GOOD, "embedding": [1.0] * 4097}, 400, "invalid_request"),
        ({"embedding": GOOD["embedding"]}, 400, "invalid_request"),
        ({**GOOD, "face": 0}, 400, "invalid_request"),
    ],
)
def test_what_cannot_be_compared_has_its_code_and_names_the_side(
    identifier: APIClient, engine: Answers, second: Any, status: int, code: str
) -> None:
    engine[b"a"], engine[b"empty"] = analysis_result(face()), analysis_result()
    engine[b"crowd"] = analysis_result(*(face(index=i) for i in range(21)))
    engine[b"broken"] = UndecodableImage("image file is truncated")

    answer = identifier.post(COMPARE, {"first": image(b"a"), "second": second})

    assert error_of(answer) == (status, code, ["second"])
    assert answer.json()["error"]["message"].startswith("second")
    assert AuditEvent.objects.count() == 0


@pytest.mark.parametrize("change", [{"fmr": 0.01}, {"fmr": "often"}, {"prior": 0}, {"prior": 1}, {"prior": "NaN"}])
def test_a_rate_that_was_not_measured_and_a_certain_prior_are_refused(
    identifier: APIClient, change: dict[str, Any]
) -> None:
    answer = identifier.post(COMPARE, {"first": GOOD, "second": GOOD, **change})
    assert error_of(answer) == (400, "invalid_request", list(change))


def test_embeddings_refuse_an_image_without_a_face_or_with_too_many(identifier: APIClient, engine: Answers) -> None:
    engine[b"empty"] = analysis_result()
    engine[b"crowd"] = analysis_result(*(face(index=i) for i in range(21)))
    assert error_of(identifier.post(EMBED, image(b"empty"))) == (422, "no_face", ["image"])
    assert error_of(identifier.post(EMBED, image(b"crowd"))) == (422, "too_many_faces", ["image"])


@pytest.mark.parametrize("path", [COMPARE, EMBED])
def test_while_identity_is_off_nobody_may(db: None, client_of: Callable[[str], APIClient], path: str) -> None:
    client = client_of(api_key_create("gate", scopes=list(Scope))[1])
    assert error_of(client.post(path, {})) == (403, "identity_off", [])
    assert client.get("/api/v1/identity").json() == {
        "on": False, "purpose": None, "legal_basis": None, "model": None, "thresholds": None,
    }  # fmt: skip


def test_the_operators_purpose_and_legal_basis_are_told(identifier: APIClient) -> None:
    body = identifier.get("/api/v1/identity").json()
    assert (body["on"], body["purpose"]) == (True, "Access to the laboratory.")
    assert body["legal_basis"] == "Consent, Art. 9(2)(a) GDPR."
    assert body["thresholds"] == [
        {"fmr": rate, "similarity": cosine}
        for rate, cosine in ((1e-3, 0.384), (1e-4, 0.443), (1e-5, 0.497), (1e-6, 0.597))
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/api/v1/identity", None),
        ("post", "/api/v1/collections", {"name": "staff"}),
        ("post", COMPARE, {side: {"embedding": [1.0] * 128, "model": SFACE.sha256} for side in ("first", "second")}),
    ],
)
def test_weights_without_a_model_for_identity_are_not_ready_for_it(
    identifier: APIClient, settings: Settings, method: str, path: str, body: Any
) -> None:
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, weights_dir=Pack.OPEN.folder())
    answer = getattr(identifier, method)(path, body)
    assert error_of(answer)[:2] == (503, "model_not_ready")
    assert answer.json()["error"]["message"].endswith("no model in service gives embedding")
    assert [found.id for found in run_checks()] == ["cv.W002"]


def test_analyses_give_no_vector_whatever_the_scope(
    identity_on: None, db: None, client_of: Callable[[str], APIClient], grace_hopper: bytes
) -> None:
    client = client_of(api_key_create("all", scopes=list(Scope))[1])
    answer = client.post("/api/v1/analyses", {**image(grace_hopper), "attributes": ["embedding"]})
    assert error_of(answer) == (400, "invalid_request", ["attributes"])


def test_the_operators_own_odds_count_if_they_are_of_this_model(
    identifier: APIClient, settings: Settings, tmp_path: Any
) -> None:
    own = {"thresholds": {"1e-3": 0.5, "1e-4": 0.6}, "curve": [-5, 0, 30]}
    for name, model, expected in (("a", SFACE.sha256, 0.6), ("b", "cd" * 32, 0.443)):
        settings.XCLOUD_IDENTITY_ODDS = tmp_path / f"{name}.json"
        settings.XCLOUD_IDENTITY_ODDS.write_text(json.dumps({**own, "model": model}))
        body = identifier.post(COMPARE, {"first": GOOD, "second": GOOD}).json()
        assert body["threshold"]["similarity"] == pytest.approx(expected)
