"""Reads labelled pictures from a Parquet table, or from a folder with a ``labels.csv``."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from training.data.labels import Row

FOLDER_LABELS = "labels.csv"
_NUMBERS = ("age", "beauty")
_SEED = 20261122


def list_columns(source: Path) -> list[str]:
    """The columns of a table, or of a folder's ``labels.csv``. Raises OSError or ValueError if it cannot be read."""
    if source.is_dir():
        with (source / FOLDER_LABELS).open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file).fieldnames or [])
    return list(pq.ParquetFile(source).schema_arrow.names)


def has_split(source: Path, split: str) -> bool:
    """Whether there is a column ``split`` with rows of this split."""
    return "split" in list_columns(source) and split in _splits(source)


def rows(source: Path, split: str | None, limit: int | None = None, step: int = 1) -> Iterator[tuple[int, Row]]:
    """Row numbers, counted from 1, and every ``step``-th row of one split, with its encoded picture as ``image``.

    If there are more than ``limit``, a sample of ``limit`` rows is drawn with a fixed seed, in the table's order. A
    folder's ``labels.csv`` names the picture of each row in its column ``file``. Raises ValueError if the picture
    column is missing or a number cannot be read, OSError if the table cannot be opened.
    """
    columns = list_columns(source)
    picture, name = ("file", FOLDER_LABELS) if source.is_dir() else ("image", source.name)
    if picture not in columns:
        raise ValueError(f"{name} has no column '{picture}'; it has {', '.join(columns)}")
    if split is None or "split" not in columns:
        numbers = list(range(1, _count(source) + 1))
    else:
        numbers = [number for number, own in enumerate(_splits(source), start=1) if own == split]
    numbers = numbers[::step]
    if limit is not None and limit < len(numbers):
        numbers = sorted(random.Random(_SEED).sample(numbers, limit))  # noqa: S311  (nothing here is secret)
    read = _folder_rows if source.is_dir() else _parquet_rows
    yield from read(source, frozenset(numbers))


def _splits(source: Path) -> list[str | None]:
    if source.is_dir():
        return [row["split"] for row in _csv_rows(source)]
    splits: list[str | None] = pq.ParquetFile(source).read(["split"])["split"].to_pylist()
    return splits


def _count(source: Path) -> int:
    if source.is_dir():
        return sum(1 for _ in _csv_rows(source))
    return int(pq.ParquetFile(source).metadata.num_rows)


def _parquet_rows(table: Path, wanted: frozenset[int]) -> Iterator[tuple[int, Row]]:
    first = 1
    for batch in pq.ParquetFile(table).iter_batches(batch_size=256):
        chosen = [i for i in range(len(batch)) if first + i in wanted]
        for i, row in zip(chosen, batch.take(chosen).to_pylist() if chosen else [], strict=True):
            yield first + i, row
        first += len(batch)


def _folder_rows(folder: Path, wanted: frozenset[int]) -> Iterator[tuple[int, Row]]:
    for number, row in enumerate(_csv_rows(folder), start=1):
        if number not in wanted:
            continue
        known: dict[str, Any] = {name: value for name, value in row.items() if value and name != "file"}
        for name in _NUMBERS:
            if name in known:
                try:
                    known[name] = float(known[name])
                except ValueError:
                    raise ValueError(f"{FOLDER_LABELS} row {number}: {name} {known[name]!r} is not a number") from None
        picture = folder / row["file"]
        # Without bytes, a missing picture is handled like an unreadable one: logged and left out.
        yield number, known | {"image": picture.read_bytes() if picture.is_file() else b""}


def _csv_rows(folder: Path) -> Iterator[dict[str, str]]:
    with (folder / FOLDER_LABELS).open(newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)
