"""The report of a few faces is JSON, with an interval only where there is one."""

import json
from typing import Any

import numpy as np

from cv.engine.attributes import Describer
from cv.engine.config import WEIGHTS_DIR
from cv.engine.labels import Attribute, head_size
from cv.engine.weights import read_manifest
from training.data.labels import labels_of
from training.measure.report import report


def report_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    random = np.random.default_rng(0)
    logits = {a: random.normal(size=(len(rows), head_size(a))).astype(np.float32) for a in Attribute}
    describer = Describer(lambda batch: [], read_manifest(WEIGHTS_DIR).calibration)
    return report(labels_of(rows), logits, np.full(len(rows), np.nan, np.float32), describer)


def test_a_group_of_one_rated_face_has_no_interval_of_its_ratings() -> None:
    men = [{"gender": "male", "beauty": beauty} for beauty in (3.0, 5.0, 8.0)]

    result = report_of([*men, {"gender": "female", "beauty": 6.0}])

    json.dumps(result, allow_nan=False)
    groups = result["groups"]["gender"]
    assert groups["male"]["intervals"].keys() == {"gender_accuracy", "beauty_mae", "beauty_pearson"}
    assert groups["female"]["intervals"].keys() == {"gender_accuracy"}


def test_faces_of_the_same_rating_have_no_correlation_and_no_interval_of_one() -> None:
    result = report_of([{"beauty": 5.0}] * 4)

    json.dumps(result, allow_nan=False)
    assert result["intervals"].keys() == {"beauty_mae"}
    assert "beauty_pearson" not in result
