"""What came of a job as a table: one row a face, and one row for an image without; a few rows in memory at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from django.utils import timezone

from cv.abstention import abstains
from cv.engine.labels import CLASSES, Attribute
from cv.engine.types import Category, Estimate
from cv.models import Analysis, Face, Job, JobItem

BATCH: Final = 500
# Rows of a Parquet file that are read, and written, in one piece.
ROW_GROUP: Final = 10_000
LANDMARKS: Final = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
# What spreadsheets would run as a formula.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def _columns() -> dict[str, str]:
    columns = {
        "index": "int64", "name": "string", "state": "string", "error_code": "string", "analysis": "string",
        "created_at": "string", "image_width": "int64", "image_height": "int64", "image_sha256": "string",
        "model_name": "string", "model_version": "string", "faces": "int64", "face": "int64",
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
        # Too unsure to be taken for an answer.
        columns[f"{attribute}_abstained"] = "bool"
    return columns


# Name → type, in order.
COLUMNS: Final = _columns()


def closed_items(job: Job) -> Iterator[JobItem]:
    """The job's items that are over, in order, with analyses and faces; some hundred at a time."""
    last = -1
    rows = JobItem.objects.filter(job=job, due_at__isnull=True).order_by("index")
    rows = rows.select_related("analysis").prefetch_related("analysis__faces")
    while batch := list(rows.filter(index__gt=last)[:BATCH]):
        yield from batch
        last = batch[-1].index


def analysis_of(item: JobItem) -> Analysis | None:
    """The item's analysis, unless it was deleted or has expired: then it is gone for everyone, purged or not."""
    row = item.analysis
    return None if row is None or (row.expires_at is not None and row.expires_at <= timezone.now()) else row


def result_rows(items: Iterable[JobItem], attributes: frozenset[Attribute]) -> Iterator[dict[str, Any]]:
    """A row for each face, with only those attributes; columns without a value are left out."""
    for item in items:
        image = {"index": item.index, "name": item.name, "state": item.state, "error_code": item.error_code}
        analysis = analysis_of(item)
        if analysis is None:
            yield image
            continue
        image |= _of_image(analysis)
        faces = list(analysis.faces.all())
        if not faces:
            yield image
        for face in faces:
            yield image | _of_face(face) | _of_attributes(face, attributes)


def csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The table as CSV, headed by the names of its columns. Texts of clients' cannot become formulas."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(COLUMNS))
    writer.writeheader()
    for row in rows:
        if str(row.get("name", "")).startswith(FORMULA):
            row = row | {"name": f"'{row['name']}"}
        writer.writerow(row)
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def write_parquet(rows: Iterable[dict[str, Any]], file: IO[bytes]) -> int:
    """The table as Parquet; returns how many rows it has."""
    # Imported here: it is large, and most processes never need it.
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    written = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[dict[str, Any]] = []
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


def _of_image(analysis: Analysis) -> dict[str, Any]:
    return {
        "analysis": str(analysis.pk),
        "created_at": analysis.created_at.isoformat(timespec="milliseconds"),
        "image_width": analysis.image_width,
        "image_height": analysis.image_height,
        "image_sha256": analysis.image_sha256,
        "model_name": analysis.model_name,
        "model_version": analysis.model_version,
        "faces": analysis.face_count,
    }


def _of_face(face: Face) -> dict[str, Any]:
    row: dict[str, Any] = {
        "face": face.index,
        "box_x": face.box_x,
        "box_y": face.box_y,
        "box_width": face.box_width,
        "box_height": face.box_height,
        "confidence": face.confidence,
        "quality_score": face.quality_score,
        "quality_warnings": " ".join(face.quality_warnings),
    }
    for name, (x, y) in face.landmark_points.items():
        row |= {f"{name}_x": float(x), f"{name}_y": float(y)}
    return row


def _of_attributes(face: Face, allowed: frozenset[Attribute]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for attribute in allowed:
        name = str(attribute)
        answer = face.attributes.get(name)
        if answer is None:
            continue
        row[f"{name}_abstained"] = abstains(name, answer)
        match answer:
            case Category(label, probabilities):
                row[name] = str(label)
                row |= {f"{name}_{known}": share for known, share in probabilities.items()}
            case Estimate(value, interval=(low, high)):
                row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row
