"""Analyses as a table, a row a face: the one layout of CSV and Parquet, described in docs/api.md."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from cv.abstention import abstains
from cv.choices import ItemState
from cv.engine.labels import CLASSES, Attribute
from cv.engine.types import LANDMARKS, Category, Estimate
from cv.models import Analysis, Face

Row = dict[str, Any]

# Rows of a Parquet file that are read, and written, in one piece.
ROW_GROUP: Final = 10_000
# What spreadsheets would run as a formula, and the columns that clients write.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
CLIENTS_TEXT: Final = ("name", "subject")
# Excel takes CSV for UTF-8 only if this stands at its beginning.
BYTE_ORDER_MARK: Final = "\ufeff"


def _columns() -> dict[str, str]:
    columns = {
        "index": "int64", "name": "string", "state": "string", "error_code": "string", "analysis": "string",
        "created_at": "string", "subject": "string", "source": "string", "image_width": "int64",
        "image_height": "int64", "image_sha256": "string", "model_name": "string", "model_version": "string",
        "interval_coverage": "double", "faces": "int64", "face": "int64",
    }  # fmt: skip
    columns |= dict.fromkeys(("box_x", "box_y", "box_width", "box_height", "confidence"), "double")
    columns |= {f"{name}_{axis}": "double" for name in LANDMARKS for axis in "xy"}
    columns |= {"quality_score": "double", "quality_warnings": "string"}
    for attribute in Attribute:
        if attribute in CLASSES:
            columns[str(attribute)] = "string"
            columns |= {f"{attribute}_{label}": "double" for label in CLASSES[attribute]}
        else:
            columns |= dict.fromkeys((f"{attribute}", f"{attribute}_low", f"{attribute}_high"), "double")
        columns[f"{attribute}_abstained"] = "bool"
    return columns


# Name → type, in order.
COLUMNS: Final = _columns()


def table_rows(named: Iterable[tuple[str, Analysis]], attributes: frozenset[Attribute]) -> Iterator[Row]:
    """The rows of analyses, each with what its picture is called."""
    for index, (name, analysis) in enumerate(named):
        image = {"index": index, "name": name, "state": ItemState.DONE.value, "error_code": ""}
        yield from analysis_rows(image, analysis, attributes)


def analysis_rows(image: Row, analysis: Analysis, attributes: frozenset[Attribute]) -> Iterator[Row]:
    """A row for each face, with only those attributes, or one row if there is no face. Each begins with ``image``:
    index, name, state and error_code. Columns without a value are left out."""
    image = image | _image_columns(analysis)
    faces = list(analysis.faces.all())
    if not faces:
        yield image
    for face in faces:
        yield image | _face_columns(face) | _answer_columns(face, attributes)


def csv_lines(rows: Iterable[Row], mark: bool = False) -> Iterator[str]:
    """The table as CSV under the names of its columns, with a byte-order mark if a person will open it. Texts that
    clients wrote cannot become formulas."""
    out = io.StringIO()
    if mark:
        out.write(BYTE_ORDER_MARK)
    writer = csv.DictWriter(out, list(COLUMNS))
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(name, value) for name, value in row.items()})
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if name in CLIENTS_TEXT and value.startswith(FORMULA) else value


def write_parquet(rows: Iterable[Row], file: IO[bytes]) -> int:
    """The table as Parquet; returns how many rows it has."""
    # Imported here: it is large, and most processes never need it.
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    written = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[Row] = []
        for row in rows:
            waiting.append(row)
            if len(waiting) == ROW_GROUP:
                written += _write_group(writer, pyarrow.Table.from_pylist(waiting, schema))
                waiting = []
        if waiting:
            written += _write_group(writer, pyarrow.Table.from_pylist(waiting, schema))
    return written


def _write_group(writer: Any, table: Any) -> int:
    writer.write_table(table)
    return int(table.num_rows)


def _image_columns(analysis: Analysis) -> Row:
    return {
        "analysis": str(analysis.pk),
        "created_at": analysis.created_at.isoformat(timespec="milliseconds"),
        "subject": analysis.subject,
        "source": analysis.source,
        "image_width": analysis.image_width,
        "image_height": analysis.image_height,
        "image_sha256": analysis.image_sha256,
        "model_name": analysis.model_name,
        "model_version": analysis.model_version,
        "interval_coverage": analysis.interval_coverage,
        "faces": analysis.face_count,
    }


def _face_columns(face: Face) -> Row:
    row: Row = {
        "face": face.index,
        "box_x": face.box_x,
        "box_y": face.box_y,
        "box_width": face.box_width,
        "box_height": face.box_height,
        "confidence": face.confidence,
        "quality_score": face.quality_score,
        "quality_warnings": " ".join(face.quality_warnings),
    }
    for name, (x, y) in zip(LANDMARKS, face.landmarks, strict=True):
        row |= {f"{name}_x": float(x), f"{name}_y": float(y)}
    return row


def _answer_columns(face: Face, allowed: frozenset[Attribute]) -> Row:
    row: Row = {}
    for attribute in allowed:
        name, answer = str(attribute), face.attributes.get(attribute)
        match answer:
            case Category(label, probabilities):
                row |= {name: str(label)} | {f"{name}_{known}": share for known, share in probabilities.items()}
            case Estimate(value, (low, high)):
                row |= {name: value, f"{name}_low": low, f"{name}_high": high}
        if answer is not None:
            row[f"{name}_abstained"] = abstains(name, answer)
    return row
