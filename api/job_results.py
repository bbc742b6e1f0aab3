"""A job's results as a stream or a file: JSON Lines, CSV or Parquet, never all of it in memory."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from api.exports import IN_MEMORY
from api.serializers import JobResultSerializer
from cv.jobs.results import closed_items, result_rows
from cv.models import Job
from cv.tables import Columns, Row, csv_lines, table_columns, write_parquet

FILE_FORMATS: Final = (".parquet", ".csv", ".jsonl")
MEDIA_TYPES = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def results_response(job: Job, form: str, attributes: frozenset[str]) -> HttpResponseBase:
    """All finished items, in order, with the attributes that the caller may read."""
    response: StreamingHttpResponse
    match form:
        case "parquet":
            response = FileResponse(_parquet_file(job, attributes))
        case "csv":
            response = StreamingHttpResponse(csv_lines(*_table(job, attributes)))
        case _:
            response = StreamingHttpResponse(json_lines(job, attributes))
    response["Content-Type"] = MEDIA_TYPES[form]
    response["Content-Disposition"] = f'attachment; filename="job-{job.pk}.{form}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _table(job: Job, attributes: frozenset[str]) -> tuple[Iterator[Row], Columns]:
    return result_rows(closed_items(job), attributes), table_columns(job.asked_attributes, attributes)


def _parquet_file(job: Job, attributes: frozenset[str]) -> IO[bytes]:
    """Complete before it is sent, because Parquet's index is at the end of the file."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 -- the response closes it
    try:
        write_parquet(*_table(job, attributes), file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def json_lines(job: Job, attributes: frozenset[str]) -> Iterator[str]:
    context = {"attributes": attributes}
    for item in closed_items(job):
        yield json.dumps(JobResultSerializer(item, context=context).data, default=str) + "\n"


def write_results(job: Job, file: Path, attributes: frozenset[str]) -> None:
    """Writes the format of the file's extension, one of FILE_FORMATS; never a partial file. Raises OSError."""
    draft = file.with_name(f"{file.name}.part")
    try:
        _write_table(job, draft, file.suffix.lower(), attributes)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _write_table(job: Job, file: Path, suffix: str, attributes: frozenset[str]) -> None:
    match suffix:
        case ".parquet":
            with file.open("wb") as table:
                write_parquet(*_table(job, attributes), table)
        case ".csv":
            with file.open("w", encoding="utf-8", newline="") as sheet:
                sheet.writelines(csv_lines(*_table(job, attributes)))
        case _:
            with file.open("w", encoding="utf-8") as lines:
                lines.writelines(json_lines(job, attributes))
