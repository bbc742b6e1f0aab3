"""Labelled faces as a table: what people said beside what was answered, and the pictures for ``training.evaluate``."""

from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from cv.abstention import abstains
from cv.engine.outputs import Output, Shape
from cv.engine.types import Answer, Category, Estimate
from cv.files.pictures import kept_picture
from cv.labelling.values import labelable_outputs
from cv.models import Face
from cv.tables import Columns, Row, write_parquet

# Pictures are large: a row group is held in memory.
ROW_GROUP: Final = 16
# ``face_…`` is the labelled face's box, in pixels of the upright picture.
OF_FACE: Final = {
    "name": "string", "analysis": "string", "face": "int64", "model_version": "string",
    **dict.fromkeys(("face_x0", "face_y0", "face_x1", "face_y1"), "double"),
}  # fmt: skip


def label_columns(allowed: frozenset[str]) -> Columns:
    """Name → type, in order: the face, a column for each output's label, then what was answered."""
    outputs = [output for output in labelable_outputs() if output.name in allowed]
    labels = {output.name: "string" if output.shape is Shape.CATEGORY else "double" for output in outputs}
    answers = {f"{name}_answered": kind for name, kind in labels.items()}
    return OF_FACE | labels | answers | {f"{name}_abstained": "bool" for name in labels}


def label_rows(faces: Iterable[Face], allowed: frozenset[str]) -> Iterator[Row]:
    """A row for each face with labels of ``allowed`` outputs."""
    outputs = [output for output in labelable_outputs() if output.name in allowed]
    for face in faces:
        if row := _label_row(face, outputs):
            yield row


def write_label_table(faces: Iterable[Face], allowed: frozenset[str], file: IO[bytes]) -> int:
    """Writes the rows of faces whose picture is kept as Parquet, with ``image``; returns how many.

    Raises StorageUnavailable.
    """
    return write_parquet(_with_pictures(faces, allowed), {"image": "binary"} | label_columns(allowed), file, ROW_GROUP)


def _with_pictures(faces: Iterable[Face], allowed: frozenset[str]) -> Iterator[Row]:
    outputs = [output for output in labelable_outputs() if output.name in allowed]
    last, picture = None, None
    for face in faces:
        if face.analysis_id != last:
            last, picture = face.analysis_id, kept_picture(face.analysis)
        if picture is not None and (row := _label_row(face, outputs)):
            yield {"image": picture} | row


def _label_row(face: Face, outputs: list[Output]) -> Row:
    given = {label.output: label.value for label in face.labels.all()}
    labels = {output.name: given[output.name] for output in outputs if output.name in given}
    if not labels:
        return {}
    row: Row = {
        "name": f"{face.analysis_id}-{face.index}",
        "analysis": str(face.analysis_id),
        "face": face.index,
        "model_version": face.analysis.model_version,
        "face_x0": face.box_x,
        "face_y0": face.box_y,
        "face_x1": face.box_x + face.box_width,
        "face_y1": face.box_y + face.box_height,
        **labels,
    }
    answers = face.attributes
    for output in outputs:
        if (answer := answers.get(output.name)) is not None:
            abstained = abstains(output.name, answer, face.quality_score)
            row |= {f"{output.name}_answered": _said(answer), f"{output.name}_abstained": abstained}
    return row


def _said(answer: Answer) -> Any:
    match answer:
        case Category(label):
            return str(label)
        case Estimate(value):
            return value
    return None
