"""A job's results as a file: there whole, or not at all."""

from pathlib import Path
from typing import Final

from api.job_results import json_lines
from cv.engine.labels import Attribute
from cv.jobs.results import closed_items, csv_lines, result_rows, write_parquet
from cv.models import Job

FORMATS: Final = (".parquet", ".csv", ".jsonl")


def write_results(job: Job, file: Path, attributes: frozenset[Attribute]) -> None:
    """In the format that the name ends in, one of FORMATS; replaces what was there. Raises OSError."""
    draft = file.with_name(f"{file.name}.part")
    rows = result_rows(closed_items(job), attributes)
    match file.suffix.lower():
        case ".parquet":
            with draft.open("wb") as table:
                write_parquet(rows, table)
        case ".csv":
            with draft.open("w", encoding="utf-8", newline="") as sheet:
                sheet.writelines(csv_lines(rows))
        case _:
            with draft.open("w", encoding="utf-8") as lines:
                lines.writelines(json_lines(job, attributes))
    draft.replace(file)
