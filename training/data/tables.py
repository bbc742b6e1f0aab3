"""Labelled pictures from a Parquet table, or from a folder with a ``labels.csv``."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from training.data.labels import Row

FOLDER_LABELS = "labels.csv"
_NUMBERS = ("age", "beauty")


def has_split(source: Path, split: str) -> bool:
    """Whether there is a column ``split`` with rows of this split."""
    if source.is_dir():
        return any(row.get("split") == split for row in _csv_rows(source))
    parquet = pq.ParquetFile(source)
    return "split" in parquet.schema_arrow.names and split in parquet.read(["split"])["split"].unique().to_pylist()


def rows(source: Path, split: str | None, limit: int | None = None, step: int = 1) -> Iterator[tuple[int, Row]]:
    """Row numbers, counted from 1, and every ``step``-th row of one split, with its encoded picture as ``image``.

    A folder's ``labels.csv`` names the picture of each row in its column ``file``. Raises ValueError where the column
    of the pictures is missing or a number cannot be read, OSError where the table cannot be opened.
    """
    numbered = enumerate(_folder_rows(source) if source.is_dir() else _parquet_rows(source), start=1)
    wanted = ((number, row) for number, row in numbered if split is None or row.get("split", split) == split)
    return islice(islice(wanted, 0, None, step), limit)


def _parquet_rows(table: Path) -> Iterator[Row]:
    parquet = pq.ParquetFile(table)
    _require("image", parquet.schema_arrow.names, table.name)
    for batch in parquet.iter_batches(batch_size=256):
        yield from batch.to_pylist()


def _folder_rows(folder: Path) -> Iterator[Row]:
    for number, row in enumerate(_csv_rows(folder), start=1):
        known: dict[str, Any] = {name: value for name, value in row.items() if value and name != "file"}
        for name in _NUMBERS:
            if name in known:
                try:
                    known[name] = float(known[name])
                except ValueError:
                    raise ValueError(f"{FOLDER_LABELS} row {number}: {name} {known[name]!r} is no number") from None
        picture = folder / row["file"]
        # A missing picture is as unreadable as a broken one: named, left out, and the run goes on.
        yield known | {"image": picture.read_bytes() if picture.is_file() else b""}


def _csv_rows(folder: Path) -> Iterator[dict[str, str]]:
    with (folder / FOLDER_LABELS).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        _require("file", reader.fieldnames or [], FOLDER_LABELS)
        yield from reader


def _require(column: str, columns: list[str] | Any, name: str) -> None:
    if column not in columns:
        raise ValueError(f"{name} has no column '{column}'; it has {', '.join(columns)}")
