"""The rules of all pages: nothing inline, nothing from other hosts, and a policy that enforces both."""

import gzip
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pytest_django import Settings

from cv.cards import written_card
from cv.engine.align import TEMPLATE
from cv.engine.config import Pack
from cv.engine.labels import Expression, Gender, Race
from cv.engine.outputs import public_outputs
from cv.engine.types import LANDMARKS, Category, QualityWarning
from cv.serving.engines import served_engine
from cv.trust.caller import Caller
from tests.factories import described, face_result, stored_analysis
from web.pages.search import GallerySearch
from web.templatetags.faces import measure
from web.words import MEASURES

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STATIC = sorted(file for kind in ("css", "js") for file in (ROOT / "static" / kind).rglob(f"*.{kind}"))
PAGE_WEIGHT = 150 * 1024


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_a_template_has_nothing_inline(template: Path) -> None:
    html = template.read_text()
    assert re.findall(r"<style|<script(?![^>]*\bsrc=)|\bstyle=|\bon[a-z]+=|javascript:", html) == []


@pytest.mark.parametrize("file", [*TEMPLATES, *STATIC], ids=lambda file: file.name)
def test_nothing_is_loaded_from_elsewhere(file: Path) -> None:
    assert re.findall(r"(?:https?:)?//[a-z][\w.-]+\.[a-z]{2,}", file.read_text()) == []


def test_the_pages_own_files_stay_light_as_the_server_sends_them() -> None:
    fonts = sum(file.stat().st_size for file in (ROOT / "static" / "fonts").glob("*.woff2"))
    assert fonts + sum(len(gzip.compress(file.read_bytes())) for file in STATIC) < PAGE_WEIGHT


def test_the_samples_are_small() -> None:
    samples = list((ROOT / "static" / "samples").glob("*.jpg"))
    assert len(samples) == 6
    assert max(file.stat().st_size for file in samples) < 60 * 1000


def test_a_chip_is_cut_on_the_page_as_the_model_saw_it() -> None:
    points = re.findall(r"\[(0\.\d+), (0\.\d+)\]", (ROOT / "static" / "js" / "chip.js").read_text())
    assert [[float(x), float(y)] for x, y in points] == TEMPLATE.tolist()


def test_the_scripts_words_are_the_servers_in_the_visitors_language(client: Client, settings: Settings) -> None:
    def words(language: str) -> dict[str, dict[str, Any]]:
        script = client.get("/texts.js", HTTP_ACCEPT_LANGUAGE=language).content.decode()
        found: dict[str, dict[str, Any]] = json.loads(script.rpartition("window.words = ")[2].strip().rstrip(";"))
        return found

    english, chinese = words("en"), words("zh-hans")
    assert english["labels"]["happiness"] == "Happiness"
    assert chinese["labels"]["happiness"] == "快乐"
    assert english["summary"]["expression"]["labels"]["neutral"] == "neutral"
    assert english["outputs"]["age"] == {
        "shape": "estimate",
        "title": "Age",
        "unit": "years",
        "scale": [0, 100],
        "range": [0, 120],
        "limited": False,
        "limit": settings.XCLOUD_ABSTAIN_WIDER["age"],
    }
    assert chinese["outputs"]["age"]["unit"] == "岁"
    assert list(english["landmarks"]) == list(LANDMARKS)
    assert list(english["warnings"]) == [str(warning) for warning in QualityWarning]
    assert set(english["advice"]) >= set(english["warnings"])
    named = {
        label
        for output in public_outputs()
        if output.default or output.name in ("pose", "openness")
        for label in output.labels
    }
    assert set(english["labels"]) >= named
    assert {*Gender, *Race, *Expression} < named


def test_no_page_about_people_is_kept_by_a_browser(client: Client, user: User) -> None:
    user.is_staff = user.is_superuser = True
    user.save()
    client.force_login(user)
    stored = stored_analysis(Caller(user=user), face_result(), subject="Jane").pk
    for path in (
        "/", "/gallery/", "/gallery/latest", f"/analyses/{stored}/", f"/compare/?id={stored}&id={stored}", "/jobs/",
        "/live/",
        "/admin/", "/admin/cv/analysis/", f"/admin/cv/analysis/{stored}/change/", "/admin/cv/face/",
    ):  # fmt: skip
        assert "no-store" in client.get(path)["Cache-Control"], path


def test_the_policy_allows_no_inline_script_or_style(client: Client, user: User) -> None:
    client.force_login(user)
    stored = stored_analysis(Caller(user=user)).pk
    pair = f"/compare/?id={stored}&id={stored}"
    for path in ("/", "/gallery/", "/gallery/latest", f"/analyses/{stored}/", pair, "/models/face-mesh/", "/live/"):
        response = client.get(path)
        assert response.status_code == 200
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_a_visitor_who_is_not_logged_in_is_sent_to_the_login(client: Client, user: User) -> None:
    path = f"/analyses/{stored_analysis(Caller(user=user)).pk}/"
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={path}")


@pytest.mark.parametrize(
    ("language", "stale", "not_allowed"),
    [("en", "This form is out of date", "You may not see this page"), ("zh-hans", "此表单已过期", "您无权查看此页面")],
)
def test_what_is_not_allowed_is_said_on_a_page_of_the_site(
    user: User, language: str, stale: str, not_allowed: str
) -> None:
    visitor = Client(enforce_csrf_checks=True, headers={"Accept-Language": language})

    old_form = visitor.post("/login/", {"username": "x", "password": "y"})
    visitor.force_login(user)
    admin = visitor.get("/admin/", follow=True)

    for answer, said in ((old_form, stale), (admin, not_allowed)):
        assert answer.status_code == 403
        assert said in answer.content.decode()
        assert '<a class="brand" href="/">' in answer.content.decode()


def test_an_analysis_of_someone_else_is_not_found(client: Client, user: User, db: None) -> None:
    other = Caller(user=User.objects.create_user("grace"))
    client.force_login(user)
    theirs = stored_analysis(other).pk
    assert client.get(f"/analyses/{theirs}/").status_code == 404
    assert client.get(f"/compare/?id={theirs}&id={theirs}").status_code == 404
    assert str(theirs) not in client.get("/gallery/").content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "page=0", "page=-1", "page=x", "page=99999999", "min_age=x", "gender=both", "since=1", "since=0001-01-01",
        "until=9999-12-31", "since=2026-01-01&zone=Mars/Olympus", "since=2026-01-01&zone=../../etc/passwd",
    ],
)  # fmt: skip
def test_a_gallery_address_that_makes_no_sense_is_answered(client: Client, user: User, query: str) -> None:
    client.force_login(user)
    assert client.get(f"/gallery/?{query}").status_code == 200


@pytest.mark.parametrize(("zone", "since"), [("Asia/Kolkata", "2026-03-01T18:30"), ("", "2026-03-02T00:00")])
def test_days_of_the_search_are_the_visitors_own(zone: str, since: str) -> None:
    search = GallerySearch({"since": "2026-03-02", "until": "2026-03-02", "zone": zone})
    assert search.is_valid()
    wanted = search.wanted()
    assert wanted.created_after == datetime.fromisoformat(f"{since}+00:00")
    assert wanted.created_before == datetime.fromisoformat(f"{since}+00:00") + timedelta(days=1)


@pytest.mark.parametrize("query", ["", "id=x", "id=1&id=2"])
def test_a_comparison_of_nothing_is_refused_kindly(client: Client, user: User, query: str) -> None:
    client.force_login(user)
    assert client.get(f"/compare/?{query}").status_code in {200, 404}


def test_a_search_says_which_faces_matched(client: Client, user: User) -> None:
    man = described(gender=Category("male", {"female": 0.02, "male": 0.98}))
    stored_analysis(
        Caller(user=user), *(replace(face, index=index) for index, face in enumerate([described(), man, man]))
    )
    client.force_login(user)
    for query, words, marked in (("gender=male", "Faces 2, 3 match", 2), ("gender=female", "Face 1 matches", 1)):
        page = client.get(f"/gallery/?{query}").content.decode()
        assert words in page
        assert page.count("sketch-face is-match") == marked
    assert "match" not in client.get("/gallery/").content.decode()


def test_the_gallery_takes_as_many_queries_for_many_rows_as_for_one(client: Client, user: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            client.get("/gallery/")
        return len(context)

    client.force_login(user)
    stored_analysis(Caller(user=user), face_result())
    with_one = queries()
    for _ in range(9):
        stored_analysis(Caller(user=user), face_result())
    assert queries() == with_one


def test_a_measure_is_said_in_words_with_its_data_set() -> None:
    with translation.override("en"):
        assert measure("utkface.race_balanced_accuracy") == "Race accuracy, each race weighted equally · utkface"
        assert measure("age_mae") == "Age error, years"
    assert {name.rpartition(".")[2] for name in served_engine().card.metrics} <= set(MEASURES)


def test_the_card_of_another_model_is_not_found(client: Client, user: User) -> None:
    client.force_login(user)
    assert client.get("/models/another/").status_code == 404
    assert client.get("/models/xcloud-attributes/settings.py").status_code == 404


def test_a_models_card_is_shown_without_inline_styles(
    client: Client, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cv.cards.CARDS_DIR", tmp_path)
    text = "# xcloud-attributes 1\n\n## How good it is\n\n| a | b |\n| --- | ---: |\n| 1 | <script>2</script> |\n"
    text += "\nNot [who](who.md) it is.\n"
    (tmp_path / "xcloud-attributes.md").write_text(text)
    scores = {"n": 12, "gender_accuracy": 0.975, "age_mae": 3.14}
    crossed = {"female, white, 20-29": scores | {"intervals": {"age_mae": [2.5, 3.9]}}}
    evaluation = {
        **{"n": 12, "coverage": 1.0, "unreadable": 0, "intervals": {}, "details": {}, "quality": []},
        "groups": {"gender, race, age": crossed},
        **{"gender_accuracy": 0.975, "degradation": [{"change": "dark", "age_mae": 9.5}]},
        "model": {"sha256": served_engine().card.sha256},
    }
    (tmp_path / "xcloud-attributes.json").write_text(json.dumps({"utkface": evaluation}))
    (tmp_path / "xcloud-attributes-confusion.png").write_bytes(b"png")
    (read,) = written_card(served_engine().card).evaluations
    assert read.metrics == {"gender_accuracy": 0.975}
    client.force_login(user)
    page = client.get("/models/xcloud-attributes/").content.decode()
    assert "<h2>How good it is</h2>" in page
    assert "&lt;script&gt;2" in page
    # Another model's card has no page here.
    assert "<p>Not who it is.</p>" in page
    assert "style=" not in page
    line = '<th scope="row">Female, White, 20-29</th><td>utkface</td><td>12</td><td>98 %</td><td>3.1 (2.5–3.9)</td>'
    assert page.count(line) == 1
    # Once more among the groups of such faces.
    for query, times in (("gender=female&race=white&age=28", 2), ("gender=female", 2), ("age=30", 1), ("age=x", 1)):
        assert client.get(f"/models/xcloud-attributes/?{query}").content.decode().count(line) == times
    assert client.get("/models/")["Location"] == "/models/xcloud-attributes/"
    assert "a gender below 90 %" in page
    chart = client.get("/models/xcloud-attributes/xcloud-attributes-confusion.png")
    assert chart.content == b"png"
    assert chart["Cache-Control"] == "private, max-age=3600"


def test_the_page_of_the_open_weights_explains_the_answers_that_they_give(
    client: Client, user: User, settings: Settings
) -> None:
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, weights_dir=Pack.OPEN.folder())
    client.force_login(user)
    page = client.get("/models/xcloud-attributes-open/").content.decode()
    assert "Do not use it for decisions about people." in page
    assert "What the numbers mean" in page
    assert "The mean rating from 1 to 10" not in page


def test_the_live_page_keeps_stills_of_expressions_only_where_they_are_estimated(
    client: Client, user: User, settings: Settings
) -> None:
    client.force_login(user)
    assert 'id="catching"' in client.get("/live/").content.decode()
    settings.XCLOUD_ATTRIBUTES = frozenset({"age"})
    page = client.get("/live/").content.decode()
    assert 'id="start"' in page
    assert 'id="catching"' not in page


def test_programs_are_answered_in_english_whatever_they_ask_for(client: Client, db: None) -> None:
    answer = client.get("/api/v1/nowhere", headers={"accept-language": "zh-hans"})
    assert answer.json()["error"]["message"] == "no route has this path"
    assert "Content-Language" not in answer
    assert client.get("/login/", headers={"accept-language": "zh-hans"})["Content-Language"] == "zh-hans"
