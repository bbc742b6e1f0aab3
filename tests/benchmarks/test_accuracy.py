"""The comparison with other packages counts missed faces as wrong, and its page shows the measured numbers."""

import json

from benchmarks.accuracy.__main__ import score
from benchmarks.accuracy.page import PAGE, RESULT, numbers


def test_the_page_shows_the_measured_numbers() -> None:
    assert numbers(json.loads(RESULT.read_text())) in PAGE.read_text()


def test_a_missed_face_is_a_wrong_answer() -> None:
    drawn = [{"gender": "male"}, {"gender": "female"}, {"gender": "female"}]

    counts = score("gender", drawn, [{"gender": "male"}, {"gender": "male"}, None])

    assert counts == {"n": 3, "found": 2, "right": 1}


def test_a_face_without_an_answer_is_found_but_wrong() -> None:
    assert score("age", [{"age": 30.0}, {"age": 40.0}], [{"gender": "male"}, {"age": 41.0}]) == {
        "n": 2,
        "found": 2,
        "right": 1,
        "mean_error": 1.0,
    }


def test_expressions_in_the_words_of_a_package_are_understood_and_those_nobody_answers_left_out() -> None:
    drawn = [{"expression": "sadness"}, {"expression": "fear"}, {"expression": "anger"}, {"expression": "contempt"}]
    said = [{"expression": label} for label in ("sad", "fearful", "happy", "sad")]

    assert score("expression", drawn, said) == {"n": 3, "found": 3, "right": 2}


def test_an_age_is_right_within_five_years() -> None:
    drawn = [{"age": 30.0}, {"age": 30.0}, {"age": 30.0}]

    counts = score("age", drawn, [{"age": 35.0}, {"age": 24.0}, None])

    assert counts == {"n": 3, "found": 2, "right": 1, "mean_error": 5.5}


def test_a_row_of_the_table_has_the_interval_and_the_share_found() -> None:
    scores = {"utkface": {"age": {"n": 10, "found": 9, "right": 5, "mean_error": 4.25}}}
    result = {"packages": {"one": {"version": "1.0", "licence": "MIT", "scores": scores}}}

    assert (
        "| UTKFace, age within 5 years | one | 10 | 90.0% | **50.0%** (23.7%–76.3%) | 55.6%, 4.2 years off on average |"
    ) in numbers(result)
