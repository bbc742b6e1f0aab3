"""Labels of faces: kept beside the answers, reported with intervals, exported for ``training.evaluate``, erased."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from cv.choices import AuditAction
from cv.engine.config import EngineConfig
from cv.engine.runtime import get_engine
from cv.engine.types import Category, Estimate
from cv.models import Analysis, ApiKey, AuditEvent, FaceLabel
from cv.services import api_key_create
from cv.trust.caller import Caller
from tests.factories import described, face_result, stored_analysis, streamed
from training.measure.evaluation import evaluate

UNSURE_AGE = Estimate(40.0, (10.0, 90.0), coverage=0.85)


def label(api: APIClient, analysis: Analysis, labels: dict[str, Any], face: int = 0) -> Any:
    return api.put(f"/api/v1/analyses/{analysis.pk}/faces/{face}/labels", labels)


def labels_in(api: APIClient, analysis: Analysis | str) -> Any:
    key = analysis if isinstance(analysis, str) else analysis.pk
    return api.get(f"/api/v1/analyses/{key}/labels").json()["results"]


def test_labels_are_kept_beside_the_answers_and_replaced_as_a_whole(api: APIClient, caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result(0), face_result(1))
    before = api.get(f"/api/v1/analyses/{analysis.pk}").json()
    answer = label(api, analysis, {"age": 35, "gender": "male"}, face=1)
    assert (answer.status_code, answer.json()) == (200, {"face": 1, "labels": {"age": 35.0, "gender": "male"}})
    assert label(api, analysis, {"race": "black"}, face=1).status_code == 200
    assert labels_in(api, analysis) == [{"face": 1, "labels": {"race": "black"}}]
    assert api.get(f"/api/v1/analyses/{analysis.pk}").json() == before
    label(api, analysis, {}, face=1)
    assert labels_in(api, analysis) == []
    changes = AuditEvent.objects.filter(action=AuditAction.LABEL_CHANGE)
    assert list(changes.values_list("objects_named", flat=True)) == [[str(analysis.pk)]] * 3


@pytest.mark.parametrize(
    ("labels", "field"),
    [({"gender": "robot"}, "gender"), ({"age": 121}, "age"), ({"age": "nan"}, "age"), ({"name": "Ada"}, "name")],
)
def test_what_is_no_label_is_refused(api: APIClient, caller: Caller, labels: dict[str, Any], field: str) -> None:
    answer = label(api, stored_analysis(caller, face_result()), labels)
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, [field])
    assert FaceLabel.objects.count() == 0


def test_a_face_that_is_not_there_is_a_404(api: APIClient, caller: Caller) -> None:
    assert label(api, stored_analysis(caller, face_result()), {"age": 3}, face=1).status_code == 404


def test_a_key_limited_to_age_neither_sees_nor_changes_other_labels(
    api: APIClient, caller: Caller, key: tuple[ApiKey, str]
) -> None:
    analysis = stored_analysis(caller, face_result())
    label(api, analysis, {"age": 35, "gender": "male"})
    ApiKey.objects.filter(pk=key[0].pk).update(attributes=["age"])
    assert label(api, analysis, {"gender": "female"}).status_code == 403
    label(api, analysis, {"age": 36})
    assert labels_in(api, analysis) == [{"face": 0, "labels": {"age": 36.0}}]
    assert set(FaceLabel.objects.values_list("output", "value")) == {("age", 36.0), ("gender", "male")}


def test_the_report_counts_unsure_answers_as_neither_right_nor_wrong(api: APIClient, caller: Caller) -> None:
    unsure = Category("male", {"female": 0.48, "male": 0.52})
    for face, labels in [
        (described(), {"gender": "female", "age": 30}),
        (described(), {"gender": "female", "age": 40}),
        (described(), {"gender": "male", "age": 31.25}),
        (described(gender=unsure, age=UNSURE_AGE), {"gender": "female", "age": 40}),
    ]:
        label(api, stored_analysis(caller, face), labels)
    report = api.get("/api/v1/labels/report").json()
    age, gender = report["attributes"]
    assert (report["faces"], report["with_picture"]) == (4, 0)
    assert (gender["output"], gender["n"], gender["answered"], gender["right"]) == ("gender", 4, 3, 2)
    assert (gender["abstained"], gender["accuracy"]) == (0.25, 0.6667)
    assert gender["accuracy_interval"] == [0.2077, 0.9385]
    assert gender["mistakes"] == [{"label": "male", "answered": "female", "n": 1}]
    # 1.25, 8.75 and 0 years off; 40 is outside of 25.5 to 38.
    assert (age["error"], age["within"], age["stated"]) == (3.3333, 0.6667, 0.85)
    # 3.3333 ± 1.96 · 4.7324 / √3, not below zero.
    assert age["error_interval"] == [0.0, 8.6886]


def test_another_key_sees_no_label(api: APIClient, caller: Caller, client_of: Any) -> None:
    label(api, stored_analysis(caller, face_result()), {"age": 3})
    other = client_of(api_key_create("other")[1])
    assert other.get("/api/v1/labels/report").json() == {"faces": 0, "with_picture": 0, "attributes": []}


def test_the_csv_has_labels_beside_answers(api: APIClient, caller: Caller) -> None:
    analysis = stored_analysis(caller, described(age=UNSURE_AGE))
    label(api, analysis, {"age": 35, "gender": "male"})
    text = streamed(api.get("/api/v1/labels/table?format=csv")).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["name"], row["age"], row["gender"], row["race"]) == (f"{analysis.pk}-0", "35.0", "male", "")
    assert (row["age_answered"], row["age_abstained"], row["gender_answered"]) == ("40.0", "true", "female")


def test_the_parquet_is_what_evaluate_reads_and_names_the_labelled_face(
    api: APIClient, two_faces: bytes, tmp_path: Path
) -> None:
    """The second face is not the largest of its picture; Grace Hopper gets a wrong label on purpose."""
    body = {"image": io.BytesIO(two_faces), "store.image": "true"}
    analysis = api.post("/api/v1/analyses", body, format="multipart").json()
    collins = next(face["index"] for face in analysis["faces"] if face["box"]["x"] > 512)
    assert collins == 1
    for face, labels in ((0, {"gender": "male"}), (1, {"gender": "female", "age": 27})):
        api.put(f"/api/v1/analyses/{analysis['id']}/faces/{face}/labels", labels)
    file = tmp_path / "labels.parquet"
    file.write_bytes(streamed(api.get("/api/v1/labels/table?format=parquet")))
    assert pq.read_table(file).column("gender").to_pylist() == ["male", "female"]
    result = evaluate(get_engine(EngineConfig()), file)
    assert (result["n"], result["coverage"], result["gender_accuracy"]) == (2, 1.0, 0.5)
    # A labelled face is searched down to half its size, which moves its box a little: so is this one.
    box = analysis["faces"][1]["box"]
    half = int(min(box["width"], box["height"]) / 2)
    body = {"image": io.BytesIO(two_faces), "min_face_px": half}
    again = api.post("/api/v1/analyses", body, format="multipart").json()["faces"]
    (answered,) = (face["attributes"]["age"]["value"] for face in again if face["box"]["x"] > 512)
    assert result["age_mae"] == pytest.approx(abs(answered - 27), abs=0.01)


def test_pictures_that_are_not_kept_are_left_out_of_the_parquet(api: APIClient, caller: Caller) -> None:
    label(api, stored_analysis(caller, face_result()), {"age": 35})
    table = pq.read_table(io.BytesIO(streamed(api.get("/api/v1/labels/table?format=parquet"))))
    assert (table.num_rows, "image" in table.column_names) == (0, True)


def test_labels_move_with_their_face_when_the_picture_is_analyzed_again(api: APIClient, grace_hopper: bytes) -> None:
    body = {"image": io.BytesIO(grace_hopper), "store.image": "true"}
    analysis = api.post("/api/v1/analyses", body, format="multipart").json()
    api.put(f"/api/v1/analyses/{analysis['id']}/faces/0/labels", {"age": 76})
    assert api.post(f"/api/v1/analyses/{analysis['id']}/reanalyse", {}).status_code == 200
    assert labels_in(api, analysis["id"]) == [{"face": 0, "labels": {"age": 76.0}}]


def test_labels_are_exported_and_erased_with_their_subject(api: APIClient, caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result(), subject="ada")
    label(api, analysis, {"age": 35})
    (exported,) = json.loads(streamed(api.get("/api/v1/subjects/ada/export")))["analyses"]
    assert exported["labels"] == [{"face": 0, "labels": {"age": 35.0}}]
    assert api.post("/api/v1/subjects/ada/erase", {}).status_code == 200
    assert FaceLabel.objects.count() == 0
