"""Analyses as a table with one row per face. CSV and Parquet have the same layout; docs/api.md describes it."""

import base64
import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, Final

from cv.abstention import abstains
from cv.choices import ItemState
from cv.engine.outputs import DEFAULT_OUTPUTS, Output, Shape, all_outputs, get_output
from cv.engine.types import LANDMARKS, Answer, Category, Estimate, Flags, Mask, Points, Vector
from cv.models import Analysis, Face, FaceSearch, FoundPerson

Columns = dict[str, str]
Row = dict[str, Any]

# Rows in one row group of a Parquet file.
ROW_GROUP: Final = 10_000
# The characters that start a formula in spreadsheets, and the columns that clients write.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
CLIENTS_TEXT: Final = ("name", "subject", "found_subject")
# Excel reads CSV as UTF-8 only if it begins with this.
BYTE_ORDER_MARK: Final = "\ufeff"


# The columns of every table, in order: name → type.
OF_IMAGE: Final = {
    "index": "int64", "name": "string", "state": "string", "error_code": "string", "analysis": "string",
    "created_at": "string", "subject": "string", "source": "string", "image_width": "int64",
    "image_height": "int64", "image_sha256": "string", "model_name": "string", "model_version": "string",
    "interval_coverage": "double", "faces": "int64",
}  # fmt: skip
OF_FACE: Final = {
    "face": "int64",
    **dict.fromkeys(("box_x", "box_y", "box_width", "box_height", "confidence"), "double"),
    **{f"{name}_{axis}": "double" for name in LANDMARKS for axis in "xy"},
    "quality_score": "double",
    "quality_warnings": "string",
}

# Of a job that searches a collection: who the face is, and everyone whom it may be, as JSON.
OF_SEARCH: Final = {
    "found_subject": "string", "found_face": "string", "found_similarity": "double", "found_probability": "double",
    "found_unknown": "bool", "found_candidates": "string", "found_doubts": "string",
}  # fmt: skip


def table_columns(asked: Iterable[str], allowed: frozenset[str]) -> Columns:
    """The columns, name → type, in order, for analyses with the requested outputs ``asked``. Default outputs always
    have columns; other outputs have them if they were requested and are allowed."""
    wanted = allowed.intersection(asked).union(DEFAULT_OUTPUTS)
    outputs = (output for output in all_outputs() if output.name in wanted)
    return OF_IMAGE | OF_FACE | {name: kind for output in outputs for name, kind in output_columns(output).items()}


def output_columns(output: Output) -> Columns:
    """The columns of one output, which depend on its shape."""
    name = output.name
    named = [f"{name}_{label}" for label in output.labels]
    match output.shape:
        case Shape.CATEGORY:
            return {name: "string", **dict.fromkeys(named, "double"), f"{name}_abstained": "bool"}
        case Shape.ESTIMATE:
            return {**dict.fromkeys((name, f"{name}_low", f"{name}_high"), "double"), f"{name}_abstained": "bool"}
        case Shape.FLAGS:
            return dict.fromkeys(named, "double")
        case Shape.VECTOR if named:
            return dict.fromkeys(named, "double")
        case _:
            # As JSON; a mask is a PNG in base64.
            return {name: "string"}


def answer_cells(answer: Answer, output: Output, quality: float) -> Row:
    """The cells for the columns from ``output_columns``, of a face of this quality."""
    name = output.name
    match answer:
        case Category(label, probabilities):
            cells = {name: str(label), f"{name}_abstained": abstains(name, answer, quality)}
            return cells | {f"{name}_{known}": share for known, share in probabilities.items()}
        case Estimate(value, interval):
            low, high = interval or (None, None)
            return {
                name: value, f"{name}_low": low, f"{name}_high": high,
                f"{name}_abstained": abstains(name, answer, quality),
            }  # fmt: skip
        case Flags(probabilities):
            return {f"{name}_{label}": share for label, share in probabilities.items()}
        case Vector(values) if output.labels:
            return {f"{name}_{label}": value for label, value in zip(output.labels, values, strict=True)}
        case Vector(values):
            return {name: json.dumps(values)}
        case Points(points):
            return {name: json.dumps(points)}
        case Mask(png):
            return {name: base64.b64encode(png).decode()}


def table_rows(named: Iterable[tuple[str, Analysis]], allowed: frozenset[str]) -> Iterator[Row]:
    """The rows of analyses, each given with the name of its picture."""
    for index, (name, analysis) in enumerate(named):
        image = {"index": index, "name": name, "state": ItemState.DONE.value, "error_code": ""}
        yield from analysis_rows(image, analysis, allowed)


def analysis_rows(image: Row, analysis: Analysis, allowed: frozenset[str], people: bool = False) -> Iterator[Row]:
    """A row for each face, with only the ``allowed`` outputs, and with ``people`` with who was found; or one row if
    there is no face.

    Each row begins with ``image``: index, name, state and error_code. Columns without a value are omitted.
    """
    image = image | _image_columns(analysis)
    faces = list(analysis.faces.all())
    if not faces:
        yield image
    for face in faces:
        found = _search_columns(face) if people else {}
        yield image | _face_columns(face) | _answer_columns(face, allowed) | found


def analyses_csv(named: Sequence[tuple[str, Analysis]], allowed: frozenset[str]) -> str:
    """A CSV for people to open, of analyses, each given with the name of its picture."""
    asked = {output for _, analysis in named for output in analysis.asked_attributes}
    return "".join(csv_lines(table_rows(named, allowed), table_columns(asked, allowed)))


def csv_lines(rows: Iterable[Row], columns: Columns) -> Iterator[str]:
    """The table as CSV with a byte order mark, for Excel, and a header. Text from clients is escaped so that it cannot
    become a formula."""
    out = io.StringIO()
    out.write(BYTE_ORDER_MARK)
    writer = csv.DictWriter(out, list(columns), extrasaction="ignore")
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


def write_parquet(rows: Iterable[Row], columns: Columns, file: IO[bytes], row_group: int = ROW_GROUP) -> int:
    """Writes the table as Parquet; returns the number of rows."""
    # Imported here, because it is large and most processes never need it.
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in columns.items()])
    written = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[Row] = []
        for row in rows:
            waiting.append(row)
            if len(waiting) == row_group:
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


def _search_columns(face: Face) -> Row:
    """Empty for a face that was not searched."""
    search: FaceSearch | None = getattr(face, "search", None)
    if search is None:
        return {}
    candidates = [(found, found_cells(found)) for found in search.candidates.all()]
    match = next((cells for found, cells in candidates if found.is_match), {})
    return {
        **{f"found_{name}": value for name, value in match.items()},
        "found_unknown": not match,
        "found_candidates": json.dumps([cells for _, cells in candidates], ensure_ascii=False),
        "found_doubts": " ".join(search.doubts),
    }


def found_cells(found: FoundPerson) -> Row:
    return {
        "subject": found.enrolled.subject,
        "face": str(found.enrolled.uuid),
        "similarity": found.similarity,
        "probability": found.probability,
    }


def _answer_columns(face: Face, allowed: frozenset[str]) -> Row:
    row: Row = {}
    for name, answer in face.attributes.items():
        if name in allowed:
            row |= answer_cells(answer, get_output(name), face.quality_score)
    return row
