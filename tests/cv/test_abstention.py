"""Answers that are too uncertain are marked alike in the API, the exports, the lists and the statistics."""

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.abstention import abstains, sure, unsure
from cv.engine.labels import Attribute
from cv.engine.types import Category, Estimate
from cv.models import Face
from cv.statistics import K, charts
from cv.trust.caller import Caller
from tests.factories import RACE, described, face_result, stored_analysis
from tests.web.admin.test_dashboard import last_days
from web.templatetags.faces import in_words

PERHAPS_MALE = Category("male", {"female": 0.26, "male": 0.74})
SOMEONE_GROWN_UP = Estimate(40.0, (19.0, 60.0), coverage=0.85)


def marks_of(face: Any) -> dict[str, bool]:
    return {name: answer["abstained"] for name, answer in face["attributes"].items()}


@pytest.mark.parametrize(
    ("attribute", "answer", "expected"),
    [
        (Attribute.GENDER, PERHAPS_MALE, True),
        (Attribute.GENDER, Category("male", {"female": 0.1, "male": 0.9}), False),
        (Attribute.RACE, Category("black", RACE | {"black": 0.59}), True),
        (Attribute.EXPRESSION, Category("fear", {"fear": 0.45}), False),
        (Attribute.AGE, Estimate(40.0, (22.0, 57.0)), False),
        (Attribute.AGE, Estimate(40.0, (22.0, 57.5)), True),
        (Attribute.BEAUTY, Estimate(5.0, (1.0, 10.0)), False),
    ],
)
def test_an_answer_below_or_wider_than_the_setting_abstains(
    caller: Caller, attribute: Attribute, answer: Any, expected: bool
) -> None:
    assert abstains(attribute, answer, quality=0.75) is expected
    if attribute is not Attribute.EXPRESSION:
        face = stored_analysis(caller, described(**{attribute: answer})).faces.get()
        assert Face.objects.filter(unsure(attribute), pk=face.pk).exists() is expected


def test_every_answer_about_a_face_of_poor_quality_abstains(api: APIClient, caller: Caller, settings: Settings) -> None:
    """The face of ``face_result`` has the quality 0.75."""
    row = stored_analysis(caller, face_result())
    stored_analysis(caller, described(race=None))
    settings.XCLOUD_ABSTAIN_QUALITY = 0.76

    (face,) = api.get(f"/api/v1/analyses/{row.pk}").json()["faces"]
    assert set(marks_of(face).values()) == {True}
    assert Face.objects.filter(unsure(Attribute.RACE)).get().analysis_id == row.pk
    assert not Face.objects.filter(sure(Attribute.RACE)).exists()
    assert in_words(row) == "1 face"

    settings.XCLOUD_ABSTAIN_QUALITY = 0.75
    assert not Face.objects.filter(unsure(Attribute.RACE)).exists()
    assert Face.objects.filter(sure(Attribute.RACE)).get().analysis_id == row.pk


@pytest.mark.parametrize("attribute", Attribute)
def test_a_face_without_the_attribute_is_not_among_the_unsure(caller: Caller, attribute: Attribute) -> None:
    stored_analysis(caller, described(**{attribute: None}))
    assert not Face.objects.filter(unsure(attribute)).exists()


def test_the_api_marks_what_abstained_and_keeps_the_label(api: APIClient, caller: Caller) -> None:
    row = stored_analysis(caller, described(gender=PERHAPS_MALE, age=SOMEONE_GROWN_UP))
    (face,) = api.get(f"/api/v1/analyses/{row.pk}").json()["faces"]
    assert marks_of(face) == {"age": True, "gender": True, "race": False, "expression": False, "beauty": False}
    assert face["attributes"]["gender"] == {
        "label": "male",
        "abstained": True,
        "probabilities": {"female": 0.26, "male": 0.74},
    }


def test_another_setting_is_heeded_for_what_is_stored(api: APIClient, caller: Caller, settings: Settings) -> None:
    row = stored_analysis(caller, face_result())

    def marks() -> list[bool]:
        return list(marks_of(api.get(f"/api/v1/analyses/{row.pk}").json()["faces"][0]).values())

    assert not any(marks())
    settings.XCLOUD_ABSTAIN_BELOW = dict.fromkeys(settings.XCLOUD_ABSTAIN_BELOW, 1.0)
    settings.XCLOUD_ABSTAIN_WIDER = dict.fromkeys(settings.XCLOUD_ABSTAIN_WIDER, 0.0)
    assert all(marks())


def test_the_command_marks_them_too(settings: Settings, two_faces: bytes, tmp_path: Any) -> None:
    settings.XCLOUD_ABSTAIN_BELOW = settings.XCLOUD_ABSTAIN_BELOW | {Attribute.GENDER: 1.0}
    file = tmp_path / "photo.jpg"
    file.write_bytes(two_faces)
    out = io.StringIO()
    call_command("analyze_image", str(file), "--json", stdout=out)
    faces = json.loads(out.getvalue())["faces"]
    assert [marks_of(face)["gender"] for face in faces] == [True, True]
    out = io.StringIO()
    call_command("analyze_image", str(file), stdout=out)
    assert out.getvalue().count("% (unsure)") >= 2


def test_charts_count_them_apart(caller: Caller) -> None:
    for _ in range(K):
        stored_analysis(caller, described(gender=PERHAPS_MALE, age=SOMEONE_GROWN_UP))
        stored_analysis(caller, face_result())
    found = charts(last_days())
    assert {group.name: group.count for group in found.gender_race.groups} == {"female black": K, "unsure": K}
    assert [(group.name, group.count) for group in found.age.groups] == [("3", K), ("unsure", K)]
    assert [group.name for group in found.expression.groups] == ["happiness"]
    assert [(group.name, group.count) for group in found.beauty.groups] == [("6", 2 * K)]


def test_words_for_people_leave_out_what_is_unsure(caller: Caller) -> None:
    assert in_words(stored_analysis(caller, described(gender=PERHAPS_MALE))) == "About 31"
    assert in_words(stored_analysis(caller, described(gender=PERHAPS_MALE, age=SOMEONE_GROWN_UP))) == "1 face"


def test_the_admin_lists_finds_and_exports_them(client: Client, caller: Caller) -> None:
    client.force_login(User.objects.create_superuser("root", password="x"))
    row = stored_analysis(caller, described(gender=PERHAPS_MALE))
    stored_analysis(caller, face_result())
    for path in ("/admin/cv/face/", f"/admin/cv/analysis/{row.pk}/change/"):
        assert "Male, unsure" in client.get(path).content.decode()
    for path in ("/admin/cv/face/?unsure=gender", "/admin/cv/analysis/?unsure=gender&race=black"):
        assert client.get(path).context_data["cl"].result_count == 1  # type: ignore[attr-defined]
    for path in ("/admin/cv/face/?gender=male", "/admin/cv/analysis/?gender=male&race=black"):
        assert client.get(path).context_data["cl"].result_count == 0  # type: ignore[attr-defined]
    asked = client.get("/admin/cv/face/?gender=male&unsure=gender")
    assert asked.context_data["cl"].result_count == 1  # type: ignore[attr-defined]
    selected = {"action": "export_csv", "_selected_action": [str(row.pk)]}
    text = client.post("/admin/cv/analysis/", selected).content.decode("utf-8-sig")
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["gender"], line["gender_abstained"], line["age_abstained"]) == ("male", "true", "false")
    assert line["interval_coverage"] == "0.85"
