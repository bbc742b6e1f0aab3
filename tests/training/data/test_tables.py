"""Rows of a Parquet table and of a folder."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.data.tables import has_split, rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    (tmp_path / "labels.csv").write_text("file,age,gender,race\na.jpg,31,female,\nmissing.jpg,,male,asian\n")
    return tmp_path


def test_rows_of_one_split_carry_their_numbers(table: Path) -> None:
    assert [(number, row["age"]) for number, row in rows(table, "val")] == [(1, 36), (2, 77), (4, 20), (5, 1), (6, 2)]
    assert [number for number, _ in rows(table, "val", step=2)] == [1, 4, 6]


def test_a_limit_draws_the_same_sample_from_the_whole_split(tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    splits = ["val" if i % 2 else "train" for i in range(600)]
    pq.write_table(pa.table({"image": [b""] * 600, "age": range(600), "split": splits}), path)

    drawn = [(number, row["age"]) for number, row in rows(path, "val", limit=4)]

    assert drawn == [(244, 243), (394, 393), (518, 517), (584, 583)]
    assert drawn == [(number, row["age"]) for number, row in rows(path, "val", limit=4)]
    assert len(list(rows(path, "val", limit=1000))) == 300


def test_table_without_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"age": [1]}), path)

    with pytest.raises(ValueError, match=r"labels\.parquet has no column 'image'; it has age"):
        next(rows(path, None))


def test_folder_has_its_pictures_and_labels_beside_each_other(folder: Path) -> None:
    assert list(rows(folder, None)) == [
        (1, {"age": 31.0, "gender": "female", "image": b"picture"}),
        (2, {"gender": "male", "race": "asian", "image": b""}),
    ]
    assert [number for number, _ in rows(folder, None, limit=1)] in ([1], [2])
    assert not has_split(folder, "val")


def test_folder_without_the_column_file_is_refused(folder: Path) -> None:
    (folder / "labels.csv").write_text("picture,age\na.jpg,31\n")

    with pytest.raises(ValueError, match=r"labels\.csv has no column 'file'; it has picture, age"):
        list(rows(folder, None))


def test_a_value_that_is_not_a_number_is_named_with_its_row(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,age\na.jpg,31\na.jpg,old\n")

    with pytest.raises(ValueError, match=r"labels\.csv row 2: age 'old' is not a number"):
        list(rows(folder, None))
