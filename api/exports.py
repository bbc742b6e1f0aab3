"""Exports everything stored about a subject, as JSON or as a ZIP with the pictures."""

import base64
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Any

from django.utils import timezone

from api.renderers import FastJsonRenderer
from api.serializers import HeldAnalysisSerializer, JobItemSerializer, JobSerializer
from api.serializers.collections import (
    ExportedFaceSerializer,
    ExportedNegativeSerializer,
    ExportedVectorSerializer,
)
from cv.files.pictures import media_type
from cv.jobs.progress import statuses_of
from cv.models import Analysis, EnrolledFace, Job, NotThisPerson
from cv.trust.chips import unseal_chip

# Larger exports are built on disk.
IN_MEMORY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """Everything that is stored about a subject."""

    analyses: Iterable[Analysis]
    jobs: Iterable[Job]
    enrolled: Iterable[EnrolledFace]
    negatives: Iterable[NotThisPerson]


def export_document(stored: Stored) -> IO[bytes]:
    """One JSON document, with kept pictures in base64. Raises StorageUnavailable if it would be incomplete."""
    return _spooled(lambda file: _write_document(file, stored))


def export_archive(stored: Stored) -> IO[bytes]:
    """A ZIP of ``export.json`` and ``pictures/…``. Raises StorageUnavailable if it would be incomplete."""
    return _spooled(lambda file: _write_archive(file, stored))


def _spooled(write: Callable[[IO[bytes]], None]) -> IO[bytes]:
    """A written file, ready to be read; only one picture at a time is in memory."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 -- the response closes it
    try:
        write(file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _write_document(file: IO[bytes], stored: Stored) -> None:
    text = FastJsonRenderer().render
    file.write(b'{"exported_at":' + text(_now()) + b',"analyses":[')
    between = b""
    for row in stored.analyses:
        file.write(between + text(_held(row, _picture_in_base64(row))))
        between = b","
    rest = {name: text(part) for name, part in _rest(stored).items()}
    file.write(b"]" + b"".join(b',"%s":%s' % (name.encode(), part) for name, part in rest.items()) + b"}")


def _write_archive(file: IO[bytes], stored: Stored) -> None:
    held = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in stored.analyses:
            name = f"pictures/{row.pk}{_suffix(row)}" if row.picture else None
            data = _bytes_of(row)
            if name and data is not None:
                archive.writestr(name, data)
            held.append(_held(row, {"file": name} if data is not None else None))
        document = {
            "exported_at": _now(),
            "analyses": held,
            **_rest(stored),
        }
        archive.writestr("export.json", json.dumps(document, indent=2, default=str))


def _now() -> str:
    return timezone.now().isoformat(timespec="seconds")


def _jobs(jobs: Iterable[Job]) -> list[dict[str, Any]]:
    return [
        {
            **JobSerializer(status).data,
            "items": JobItemSerializer(status.job.items.select_related("analysis"), many=True).data,
        }
        for status in statuses_of(jobs)
    ]


def _rest(stored: Stored) -> dict[str, list[Any]]:
    """All but the analyses."""
    return {
        "jobs": _jobs(stored.jobs),
        "enrolled_faces": [ExportedFaceSerializer(face).data for face in stored.enrolled],
        "not_this_person": [ExportedNegativeSerializer(row).data for row in stored.negatives],
    }


def _held(row: Analysis, picture: dict[str, Any] | None) -> dict[str, Any]:
    vectors = [face.vector for face in row.faces.all() if hasattr(face, "vector")]
    return {
        **HeldAnalysisSerializer(row).data,
        "vectors": ExportedVectorSerializer(vectors, many=True).data,
        "chips": _chips(row),
        "picture": picture,
    }


def _chips(row: Analysis) -> list[dict[str, Any]]:
    """Raises Unreadable."""
    faces = [face for face in row.faces.all() if hasattr(face, "chip")]
    return [
        {
            "face": face.index,
            "media_type": "image/jpeg",
            "base64": base64.b64encode(unseal_chip(face.chip.jpeg, face.pk)).decode(),
        }
        for face in faces
    ]


def _picture_in_base64(row: Analysis) -> dict[str, str] | None:
    data = _bytes_of(row)
    if data is None:
        return None
    return {"media_type": media_type(str(row.picture.name)), "base64": base64.b64encode(data).decode()}


def _bytes_of(row: Analysis) -> bytes | None:
    if not row.picture:
        return None
    try:
        with row.picture.open("rb") as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def _suffix(row: Analysis) -> str:
    return "." + str(row.picture.name).rpartition(".")[2]
