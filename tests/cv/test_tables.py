"""The cells of the table of faces. Jobs, the admin and the page all export the same table."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pyarrow import parquet

from cv.engine.outputs import DEFAULT_OUTPUTS
from cv.models import Analysis
from cv.tables import csv_lines, table_columns, table_rows, write_parquet
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis

ROOT = Path(__file__).resolve().parents[2]
ALL = frozenset(DEFAULT_OUTPUTS)
COLUMNS = table_columns(ALL, ALL)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def csv_of(named: list[tuple[str, Analysis]], allowed: frozenset[str] = ALL) -> list[dict[str, str]]:
    return rows_of("".join(csv_lines(table_rows(named, allowed), COLUMNS)))


def test_a_face_is_a_row_with_every_number_as_it_is_stored(caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result(0), face_result(1), subject="visitor 17")
    first, second = csv_of([("a.jpg", analysis)])
    assert (first["index"], first["face"], second["face"], first["faces"]) == ("0", "0", "1", "2")
    assert (first["name"], first["state"], first["analysis"]) == ("a.jpg", "done", str(analysis.pk))
    assert (first["subject"], first["source"], first["interval_coverage"]) == ("visitor 17", "upload", "0.85")
    assert (first["box_x"], first["nose_x"], first["nose_y"]) == ("10.5", "60.0", "85.0")
    assert first["quality_warnings"] == "small_face dark"
    assert (first["age"], first["age_low"], first["age_high"]) == ("31.25", "25.5", "38.0")
    assert (first["gender"], first["gender_female"], first["gender_male"]) == ("female", "0.98", "0.02")
    assert (first["gender_abstained"], first["race_abstained"]) == ("false", "false")


def test_an_image_without_a_face_is_a_row_too(caller: Caller) -> None:
    named = [("a.jpg", stored_analysis(caller)), ("b.jpg", stored_analysis(caller, face_result()))]
    assert [(row["index"], row["name"], row["faces"], row["face"]) for row in csv_of(named)] == [
        ("0", "a.jpg", "0", ""),
        ("1", "b.jpg", "1", "0"),
    ]


def test_attributes_that_are_not_allowed_have_empty_cells(caller: Caller) -> None:
    (row,) = csv_of([("", stored_analysis(caller, face_result()))], frozenset({"age"}))
    assert row["age"] == "31.25"
    assert {row[name] for name in ("gender", "gender_female", "gender_abstained", "beauty")} == {""}


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@a", "\tb"])
def test_what_a_client_wrote_cannot_become_a_formula(caller: Caller, text: str) -> None:
    (row,) = csv_of([(text, stored_analysis(caller, subject=text))])
    assert (row["name"], row["subject"]) == (f"'{text}", f"'{text}")


def test_parquet_has_the_columns_of_csv_with_types(caller: Caller) -> None:
    file = io.BytesIO()
    assert write_parquet(table_rows([("a.jpg", stored_analysis(caller, face_result()))], ALL), COLUMNS, file) == 1
    table = parquet.read_table(file)
    assert {field.name: str(field.type) for field in table.schema} == COLUMNS
    (row,) = table.to_pylist()
    assert (row["face"], row["age"], row["gender"], row["gender_abstained"]) == (0, 31.25, "female", False)


def test_the_admin_and_the_page_hand_out_the_same_table(client: Client, db: None) -> None:
    root = User.objects.create_superuser("root", password="x")
    analysis = stored_analysis(Caller(user=root), face_result(0), face_result(1), subject="Ann")
    client.force_login(root)
    chosen = {"action": "export_csv", "_selected_action": [str(analysis.pk)]}
    of_admin = client.post("/admin/cv/analysis/", chosen).content.decode()
    body = json.dumps([[str(analysis.pk), ""]])
    of_page = client.post("/analyses.csv", body, content_type="application/json").content.decode()
    wanted = "".join(csv_lines(table_rows([("", analysis)], ALL), COLUMNS))
    assert list(rows_of(wanted)[0]) == list(COLUMNS)
    # The byte order mark is for Excel.
    assert of_admin == of_page == wanted


def test_the_documentation_names_every_column_but_those_that_it_calls_alike() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    alike = re.compile("(race|expression|beauty).*|(?!age).*_abstained")
    assert [name for name in COLUMNS if f"`{name}`" not in text and not alike.fullmatch(name)] == []
