"""A job's results as a stream or a file: JSON Lines, CSV or Parquet, never all of it in memory."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from api.exports import IN_MEMORY
from api.serializers import JobResultSerializer
from cv.jobs.results import closed_items, reads_people, result_rows
from cv.models import Job
from cv.tables import OF_SEARCH, Columns, Row, csv_lines, table_columns, write_parquet
from cv.trust.caller import Caller

FILE_FORMATS: Final = (".parquet", ".csv", ".jsonl")
MEDIA_TYPES = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader of results sees: these attributes, and the people who were found."""

    attributes: frozenset[str]
    people: bool


def results_response(job: Job, form: str, caller: Caller) -> HttpResponseBase:
    """All finished items, in order, with the attributes that the caller may read, and with the people who were found
    if the caller may identify faces."""
    seen = Seen(caller.attributes, reads_people(job, caller))
    response: StreamingHttpResponse
    match form:
        case "parquet":
            response = FileResponse(_parquet_file(job, seen))
        case "csv":
            response = StreamingHttpResponse(csv_lines(*_table(job, seen)))
        case _:
            response = StreamingHttpResponse(json_lines(job, seen))
    response["Content-Type"] = MEDIA_TYPES[form]
    response["Content-Disposition"] = f'attachment; filename="job-{job.pk}.{form}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _table(job: Job, seen: Seen) -> tuple[Iterator[Row], Columns]:
    columns = table_columns(job.asked_attributes, seen.attributes) | (OF_SEARCH if seen.people else {})
    return result_rows(closed_items(job, seen.people), seen.attributes, seen.people), columns


def _parquet_file(job: Job, seen: Seen) -> IO[bytes]:
    """Complete before it is sent, because Parquet's index is at the end of the file."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 -- the response closes it
    try:
        write_parquet(*_table(job, seen), file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def json_lines(job: Job, seen: Seen) -> Iterator[str]:
    context = {"attributes": seen.attributes, "people": seen.people}
    for item in closed_items(job, seen.people):
        yield json.dumps(JobResultSerializer(item, context=context).data, default=str) + "\n"


def write_results(job: Job, file: Path, caller: Caller) -> None:
    """Writes the format of the file's extension, one of FILE_FORMATS; never a partial file. Raises OSError."""
    draft, seen = file.with_name(f"{file.name}.part"), Seen(caller.attributes, reads_people(job, caller))
    try:
        _write_table(job, draft, file.suffix.lower(), seen)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _write_table(job: Job, file: Path, suffix: str, seen: Seen) -> None:
    match suffix:
        case ".parquet":
            with file.open("wb") as table:
                write_parquet(*_table(job, seen), table)
        case ".csv":
            with file.open("w", encoding="utf-8", newline="") as sheet:
                sheet.writelines(csv_lines(*_table(job, seen)))
        case _:
            with file.open("w", encoding="utf-8") as lines:
                lines.writelines(json_lines(job, seen))
