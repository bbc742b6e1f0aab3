"""What each method sends and how its answer is read: shared by the client and its async twin."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx

from xcloud_client import uploads
from xcloud_client.answers import loads
from xcloud_client.options import (
    AnalysisOptions,
    ComparisonOptions,
    FaceOptions,
    JobOptions,
    PortraitOptions,
    RedactionOptions,
    StoreOptions,
)
from xcloud_client.types import Analysis, Comparison, Detections, Embeddings, Job, Receipt
from xcloud_client.uploads import Archive, Picture

T = TypeVar("T")
Json = dict[str, Any]

# After a connection that broke.
BROKEN_WAIT_S: Final = 1.0


def json_of(response: httpx.Response) -> Any:
    return loads(response.content)


def nothing(response: httpx.Response) -> None:
    return None


def _bytes(response: httpx.Response) -> bytes:
    return response.content


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A request and how to read its answer. ``archive`` is streamed from the start on every try, as the field
    ``upload``."""

    method: str
    path: str
    read: Callable[[httpx.Response], T] = json_of
    options: Mapping[str, Any] = field(default_factory=dict)
    archive: Archive | None = None
    upload: str = "archive"
    # Sent with every try of a POST, so that it is done once.
    key: str = field(default_factory=lambda: uuid4().hex)

    @property
    def headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self.key} if self.method == "POST" else {}


def connection(url: str, key: str, timeout_s: float) -> Json:
    """What both of httpx's clients are opened with."""
    return {
        "base_url": f"{url.rstrip('/')}/api/v1/",
        "headers": {"Authorization": f"Bearer {key}", "User-Agent": "xcloud-client/2"},
        "timeout": timeout_s,
    }


@contextmanager
def prepared(ask: Ask[Any]) -> Iterator[Json]:
    """httpx's options of every try, with the archive open."""
    if ask.archive is None:
        yield dict(ask.options)
    else:
        with uploads.opened(ask.archive) as file:
            yield {**ask.options, "files": {ask.upload: (ask.upload, file)}}


def analyse(picture: Picture, options: AnalysisOptions) -> Ask[Analysis]:
    return about_picture("analyses", picture, _form(options))


def detect(picture: Picture, options: FaceOptions) -> Ask[Detections]:
    return about_picture("detections", picture, options)


def embed(picture: Picture, min_face_px: int | None) -> Ask[Embeddings]:
    return about_picture("embeddings", picture, {"min_face_px": min_face_px})


def preview(picture: Picture) -> Ask[bytes]:
    return _changed("previews", picture, {})


def portray(picture: Picture, options: PortraitOptions) -> Ask[bytes]:
    return _changed("portraits", picture, options)


def redact(picture: Picture, options: RedactionOptions) -> Ask[bytes]:
    fields: Json = dict(options)
    faces = fields.pop("faces", None)
    fields["faces"] = None if faces is None else ",".join(map(str, faces))
    return _changed("redactions", picture, fields)


def compare(first: Picture, second: Picture, options: ComparisonOptions) -> Ask[Comparison]:
    return post("comparisons", {"first": _side(first), "second": _side(second), **given(options)})


def analysis(analysis_id: str) -> Ask[Analysis]:
    return Ask("GET", f"analyses/{analysis_id}")


def reanalyse(analysis_id: str) -> Ask[Analysis]:
    return post(f"analyses/{analysis_id}/reanalyse", {})


def picture(analysis_id: str) -> Ask[bytes]:
    return Ask("GET", f"analyses/{analysis_id}/picture", _bytes)


def delete(analysis_id: str) -> Ask[None]:
    return Ask("DELETE", f"analyses/{analysis_id}", nothing)


def export(subject: str) -> Ask[Json]:
    return Ask("GET", f"subjects/{url_part(subject)}/export")


def export_zip(subject: str) -> Ask[bytes]:
    return Ask("GET", f"subjects/{url_part(subject)}/export", _bytes, {"params": {"format": "zip"}})


def erase(subject: str) -> Ask[Receipt]:
    return post(f"subjects/{url_part(subject)}/erase", {})


def start_job(
    archive: Archive | None,
    urls: Sequence[str] | None,
    analyses: Sequence[str] | None,
    folder: str | None,
    options: JobOptions,
) -> Ask[Job]:
    if archive is not None:
        return Ask("POST", "jobs", options={"data": _texts(_form(options))}, archive=archive)
    sources = {"urls": urls, "analyses": analyses, "folder": folder}
    store = {
        "image": options.get("keep_picture"),
        "chips": options.get("keep_chips"),
        "ttl_days": options.get("ttl_days"),
        "subject": options.get("subject"),
        "vectors": options.get("keep_vectors"),
    }
    named = {name: options.get(name) for name in ("attributes", "max_faces", "min_face_px", "priority", "search")}
    return post("jobs", {**given(named), "store": given(store), **given(sources)})


def start_video(video: Archive, rate: float | None, options: JobOptions) -> Ask[Job]:
    return Ask(
        "POST", "videos", options={"data": _texts({**_form(options), "rate": rate})}, archive=video, upload="video"
    )


def video(job_id: str) -> Ask[Json]:
    return Ask("GET", f"videos/{job_id}")


def video_table(job_id: str) -> Ask[bytes]:
    return Ask("GET", f"videos/{job_id}", _bytes, {"params": {"format": "csv"}})


def video_frame(job_id: str, index: int) -> Ask[bytes]:
    return Ask("GET", f"videos/{job_id}/frames/{index}", _bytes)


def video_still(job_id: str, person: int, kind: str) -> Ask[bytes]:
    return Ask("GET", f"videos/{job_id}/people/{person}/stills/{url_part(kind)}", _bytes)


def job(job_id: str) -> Ask[Job]:
    return Ask("GET", f"jobs/{job_id}")


def change_job(job_id: str, change: str) -> Ask[Job]:
    """``pause``, ``resume``, ``cancel`` or ``retry``."""
    return post(f"jobs/{job_id}/{change}", {})


def delete_job(job_id: str, analyses: bool) -> Ask[None]:
    return Ask("DELETE", f"jobs/{job_id}", nothing, {"params": {"analyses": str(analyses).lower()}})


def job_table(job_id: str, file_format: str) -> Ask[bytes]:
    """``parquet`` or ``csv``."""
    return Ask("GET", f"jobs/{job_id}/results", _bytes, {"params": {"format": file_format}})


def results_for(job_id: str, file: str | Path) -> tuple[str, dict[str, str]]:
    """Address and parameters of the results in the format that the file's name ends in."""
    return f"jobs/{job_id}/results", {"format": Path(file).suffix.removeprefix(".").lower()}


def models() -> Ask[list[Json]]:
    return Ask("GET", "models", lambda response: json_of(response)["results"])


def model(name: str) -> Ask[Json]:
    return Ask("GET", f"models/{url_part(name)}")


def page(address: str, filters: Mapping[str, str | float]) -> Ask[Json]:
    """A page of a list. The address of a further page has the filters; empty ones would make httpx drop them."""
    return Ask("GET", address, options={"params": dict(filters)} if filters else {})


def post(path: str, body: Mapping[str, Any]) -> Ask[Any]:
    return Ask("POST", path, options={"json": dict(body)})


def about_picture(path: str, picture: Picture, options: Mapping[str, Any]) -> Ask[Any]:
    if (address := uploads.address_of(picture)) is not None:
        files: dict[str, tuple[str | None, str | bytes]] = {"url": (None, address)}
    else:
        # The file's name is not sent: it may reveal more than the picture does.
        files = {"image": ("picture", uploads.bytes_of(picture))}
    return Ask("POST", path, options={"files": files, "data": _texts(options)})


def _changed(path: str, picture: Picture, options: Mapping[str, Any]) -> Ask[bytes]:
    """An ask whose answer is a picture."""
    ask = about_picture(path, picture, options)
    return Ask("POST", ask.path, _bytes, ask.options)


def _form(options: StoreOptions) -> Json:
    """The options of an analysis or a job as fields of a form."""
    fields: Json = dict(options)
    attributes = fields.pop("attributes", None)
    fields["attributes"] = None if attributes is None else ",".join(attributes)
    fields["store.image"] = fields.pop("keep_picture", None)
    fields["store.vectors"] = fields.pop("keep_vectors", None)
    fields["store.chips"] = fields.pop("keep_chips", None)
    fields["store.result"] = fields.pop("keep_result", None)
    fields["store.ttl_days"] = fields.pop("ttl_days", None)
    fields["store.subject"] = fields.pop("subject", None) or None
    return fields


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in given(fields).items()}


def given(fields: Mapping[str, Any]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _side(picture: Picture) -> dict[str, str]:
    """One side of a comparison in JSON."""
    address = uploads.address_of(picture)
    return {"image": uploads.text_of(picture)} if address is None else {"url": address}


def url_part(name: str) -> str:
    return quote(name, safe="")
