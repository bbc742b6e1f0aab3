"""A model's card over HTTP: everything that training wrote about these weights, and nothing about others."""

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from cv.cards import CARDS_DIR
from cv.engine.config import WEIGHTS_DIR
from cv.serving.engines import served_engine


@pytest.fixture(scope="module")
def name() -> str:
    return served_engine().card.name


def test_a_model_is_shown_with_all_that_training_wrote(api: APIClient, name: str) -> None:
    written = json.loads((CARDS_DIR / f"{name}.json").read_text())
    model = api.get(f"/api/v1/models/{name}").json()
    assert model["training"].keys() == {"identity", "expression"}
    trained = json.loads((WEIGHTS_DIR / "manifest.json").read_text())["models"][0]["training"]
    assert model["training"]["identity"]["command"] == trained["identity"]["command"]
    assert model["training"]["identity"]["command"].startswith("python -m training.train --recipe identity --data DATA")
    assert [evaluation["data_set"] for evaluation in model["evaluations"]] == list(written)
    faces = next(evaluation for evaluation in model["evaluations"] if evaluation["data_set"] == "utkface")
    assert faces["n"] == written["utkface"]["n"]
    assert faces["metrics"]["age_mae"] == written["utkface"]["age_mae"]
    assert faces["intervals"]["gender_accuracy"] == written["utkface"]["intervals"]["gender_accuracy"]
    crossed = {group["group"]: group for group in faces["groups"] if group["by"] == "gender, race, age"}
    expected = written["utkface"]["groups"]["gender, race, age"]
    assert set(crossed) == set(expected)
    assert min(group["n"] for group in crossed.values()) >= 10
    assert crossed["male, black, 20-29"]["metrics"]["age_mae"] == expected["male, black, 20-29"]["age_mae"]
    race = next(report for report in faces["classes"] if report["attribute"] == "race")
    assert sum(map(sum, race["confusion"])) == faces["n"] == sum(bar["n"] for bar in race["reliability"])


def test_the_words_of_the_card_are_told_by_section(api: APIClient, name: str) -> None:
    model = api.get(f"/api/v1/models/{name}").json()
    words = {section["name"]: section["text"] for section in model["sections"]}
    assert words["limits"].startswith("- ")
    assert "**Not** for decisions" in words["intended-use-and-uses-we-refuse"]
    assert "UTKFace non-commercial research" in words["data"]
    assert "python -m training.train" in words["how-it-was-trained"]


def test_the_charts_of_a_card_may_be_kept_and_are_asked_for_anew(api: APIClient, name: str) -> None:
    pictures = api.get(f"/api/v1/models/{name}").json()["pictures"]
    titles = {picture["title"].partition(":")[0] for picture in pictures}
    assert {"Confusion matrices", "Reliability"} <= titles
    for picture in pictures:
        answer = api.get(picture["url"])
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert answer["Cache-Control"] == "private, max-age=3600"
        assert answer.content.startswith(b"\x89PNG")
        assert api.get(picture["url"], headers={"if-none-match": answer["ETag"]}).status_code == 304


@pytest.mark.parametrize("file", ["xcloud-attributes.md", "xcloud-attributes.json", "manifest.json", "..%2fapi.md"])
def test_only_charts_are_handed_out(api: APIClient, name: str, file: str) -> None:
    assert api.get(f"/api/v1/models/{name}/files/{file}").status_code == 404
    assert api.get(f"/api/v1/models/other/files/{name}-confusion.png").status_code == 404


@pytest.mark.parametrize("written", ["of other weights", "not at all"])
def test_a_card_that_is_not_of_these_weights_is_not_shown(
    api: APIClient, client: Client, user: User, name: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if written == "of other weights":
        for file in CARDS_DIR.glob("*"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
        results = tmp_path / f"{name}.json"
        results.write_text(results.read_text().replace(served_engine().card.sha256, "0" * 64))
    monkeypatch.setattr("cv.cards.CARDS_DIR", tmp_path)
    client.force_login(user)
    model = api.get(f"/api/v1/models/{name}").json()
    assert (model["evaluations"], model["sections"], model["pictures"]) == ([], [], [])
    assert model["metrics"]
    assert api.get(f"/api/v1/models/{name}/files/{name}-confusion.png").status_code == 404
    assert "Intended use" not in client.get(f"/models/{name}/").content.decode()
