"""The client: one method per endpoint, with safe retries."""

import base64
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import httpx

from xcloud_client.errors import ApiError
from xcloud_client.types import Analysis, AttributeName, Comparison, Detections, Embeddings, Job, Receipt

# Statuses of a busy server or an exceeded rate; a POST can be sent again because it has an Idempotency-Key.
RETRIED = frozenset({429, 503})
LONGEST_WAIT_S = 60.0

Picture = bytes | str | Path


class XCloud:
    """``XCloud("https://faces.example.org", key)``; close it, or use it in a ``with`` block.

    Methods raise ApiError if the API refuses, and httpx's errors if it cannot be reached.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = 60.0,
        retries: int = 2,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1/",
            headers={"Authorization": f"Bearer {key}", "User-Agent": "xcloud-client/1"},
            timeout=timeout_s,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def analyse(
        self,
        picture: Picture,
        *,
        attributes: Sequence[AttributeName] | None = None,
        max_faces: int | None = None,
        min_face_px: int | None = None,
        keep_picture: bool = False,
        ttl_days: int | None = None,
        subject: str = "",
    ) -> Analysis:
        """Analyzes every face of a picture, given as bytes, a path, or an http(s) URL that the server fetches."""
        options: dict[str, Any] = {"max_faces": max_faces, "min_face_px": min_face_px}
        if attributes is not None:
            options["attributes"] = ",".join(attributes)
        options["store.image"] = "true" if keep_picture else None
        options["store.ttl_days"] = ttl_days
        options["store.subject"] = subject or None
        return cast(Analysis, self._send_picture("analyses", picture, options))

    def detect(self, picture: Picture, *, max_faces: int | None = None, min_face_px: int | None = None) -> Detections:
        """Finds the faces and stores nothing."""
        options = {"max_faces": max_faces, "min_face_px": min_face_px}
        return cast(Detections, self._send_picture("detections", picture, options))

    def compare(
        self, first: Picture, second: Picture, *, fmr: float | None = None, prior: float | None = None
    ) -> Comparison:
        """Compares each face of one picture with each face of the other; stores nothing. Needs the scope `identify`."""
        sides = {"first": _side(first), "second": _side(second)}
        given = {name: value for name, value in (("fmr", fmr), ("prior", prior)) if value is not None}
        return cast(Comparison, self._json("POST", "comparisons", json={**sides, **given}))

    def embed(self, picture: Picture, *, min_face_px: int | None = None) -> Embeddings:
        """The vector of every face; stores nothing. Needs the scope `identify`."""
        return cast(Embeddings, self._send_picture("embeddings", picture, {"min_face_px": min_face_px}))

    def analysis(self, analysis_id: str) -> Analysis:
        return cast(Analysis, self._json("GET", f"analyses/{analysis_id}"))

    def analyses(self, **filters: str | float) -> Iterator[Analysis]:
        """Lists your analyses, newest first, page by page. Filters: ``subject=``, ``created_after=``, ``min_age=``…"""
        address, query = "analyses", dict(filters)
        while address:
            page = self._json("GET", address, params=query or None)
            yield from page["results"]
            # The next page's URL already has the filters; empty parameters would make httpx drop them.
            address, query = page["next"], {}

    def reanalyse(self, analysis_id: str) -> Analysis:
        """Analyzes the stored picture again with the current model."""
        return cast(Analysis, self._json("POST", f"analyses/{analysis_id}/reanalyse", json={}))

    def picture(self, analysis_id: str) -> bytes:
        return self._send("GET", f"analyses/{analysis_id}/picture").content

    def delete(self, analysis_id: str) -> None:
        self._send("DELETE", f"analyses/{analysis_id}")

    def export(self, subject: str) -> dict[str, Any]:
        """Everything stored about a subject."""
        return cast(dict[str, Any], self._json("GET", f"subjects/{quote(subject, safe='')}/export"))

    def erase(self, subject: str) -> Receipt:
        """Deletes everything stored about a subject. Keep the receipt."""
        return cast(Receipt, self._json("POST", f"subjects/{quote(subject, safe='')}/erase", json={}))

    def start_job(
        self,
        *,
        archive: Path | None = None,
        urls: Sequence[str] | None = None,
        analyses: Sequence[str] | None = None,
        folder: str | None = None,
        attributes: Sequence[AttributeName] | None = None,
        subject: str = "",
        ttl_days: int | None = None,
        priority: int = 0,
    ) -> Job:
        """Starts a job of many images: a ZIP or TAR, URLs, earlier analyses, or a folder of the server."""
        store = {"subject": subject, "ttl_days": ttl_days}
        options: dict[str, Any] = {"priority": priority, "store": store}
        if attributes is not None:
            options["attributes"] = list(attributes)
        if archive is not None:
            fields = {name: value if isinstance(value, int) else json.dumps(value) for name, value in options.items()}
            if attributes is not None:
                fields["attributes"] = ",".join(attributes)
            # Read from disk on every try; httpx streams it.
            return cast(Job, self._send_archive("jobs", archive, fields).json())
        sources = {"urls": urls, "analyses": analyses, "folder": folder}
        given = {name: value for name, value in sources.items() if value is not None}
        return cast(Job, self._json("POST", "jobs", json={**options, **given}))

    def job(self, job_id: str) -> Job:
        return cast(Job, self._json("GET", f"jobs/{job_id}"))

    def finished_job(self, job_id: str, *, look_s: float = 2.0) -> Job:
        """Waits until the job has ended, and returns it."""
        while (job := self.job(job_id))["finished_at"] is None:
            time.sleep(look_s)
        return job

    def results(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Streams the images in order, each with ``index``, ``name``, ``state``, ``error`` and ``analysis``."""
        with self._http.stream("GET", f"jobs/{job_id}/results") as response:
            if not response.is_success:
                response.read()
                raise ApiError.of(response)
            for line in response.iter_lines():
                yield json.loads(line)

    def cancel_job(self, job_id: str) -> Job:
        return cast(Job, self._json("POST", f"jobs/{job_id}/cancel", json={}))

    def delete_job(self, job_id: str, *, analyses: bool = False) -> None:
        self._send("DELETE", f"jobs/{job_id}", params={"analyses": str(analyses).lower()})

    def create_collection(self, name: str, *, ttl_days: int | None = None) -> dict[str, Any]:
        """A new collection of people to find."""
        return cast(dict[str, Any], self._json("POST", "collections", json={"name": name, "ttl_days": ttl_days}))

    def delete_collection(self, collection_id: str) -> None:
        self._send("DELETE", f"collections/{collection_id}")

    def enrol(
        self,
        collection_id: str,
        picture: Picture,
        subject: str,
        *,
        consent: str = "",
        face: int | None = None,
        ttl_days: int | None = None,
        accept: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Enrols one face of a picture; ``accept`` names refusals that you overrule. Returns the enrolled face."""
        options = {
            "subject": subject,
            "consent": consent or None,
            "face": face,
            "ttl_days": ttl_days,
            "accept": ",".join(accept) or None,
        }
        answer = self._send_picture(f"collections/{collection_id}/faces", picture, options)
        return cast(dict[str, Any], answer["faces"][0])

    def search(
        self, collection_id: str, picture: Picture, *, fmr: float | None = None, candidates: int | None = None
    ) -> list[dict[str, Any]]:
        """The faces of a picture, each with its ``match`` in the collection, or ``unknown``."""
        options = {"fmr": fmr, "candidates": candidates}
        answer = self._send_picture(f"collections/{collection_id}/search", picture, options)
        return cast(list[dict[str, Any]], answer["faces"])

    def verify(self, collection_id: str, picture: Picture, subject: str, *, fmr: float | None = None) -> dict[str, Any]:
        """Whether the picture shows this person of the collection: ``same``, ``similarity`` and ``threshold``."""
        options = {"subject": subject, "fmr": fmr}
        return cast(dict[str, Any], self._send_picture(f"collections/{collection_id}/verify", picture, options))

    def remove_person(self, collection_id: str, subject: str) -> None:
        """Removes a person's faces from one collection; ``erase`` deletes everything that is stored about them."""
        self._send("DELETE", f"collections/{collection_id}/subjects/{quote(subject, safe='')}")

    def models(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self._json("GET", "models")["results"])

    def model(self, name: str) -> dict[str, Any]:
        """One model with its whole card: measured accuracy by group, limits and intended use."""
        return cast(dict[str, Any], self._json("GET", f"models/{quote(name, safe='')}"))

    def _send_picture(self, path: str, picture: Picture, options: Mapping[str, Any]) -> Any:
        fields = {name: str(value) for name, value in options.items() if value is not None}
        if isinstance(picture, str) and picture.startswith(("http://", "https://")):
            return self._json("POST", path, files={"url": (None, picture)}, data=fields)
        data = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
        # The file's name is not sent: it may reveal more than the picture does.
        return self._json("POST", path, files={"image": ("picture", data)}, data=fields)

    def _send_archive(self, path: str, archive: Path, fields: Mapping[str, Any]) -> httpx.Response:
        with archive.open("rb") as file:
            return self._send("POST", path, files={"archive": ("archive", file)}, data=fields)

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return self._send(method, path, **options).json()

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        for tries_left in range(self._retries, -1, -1):
            try:
                response = self._http.request(method, path, headers=headers, **options)
            except httpx.TransportError:
                if not tries_left:
                    raise
                time.sleep(1)
                continue
            if response.is_success:
                return response
            error = ApiError.of(response)
            if response.status_code not in RETRIED or not tries_left:
                raise error
            time.sleep(min(error.retry_after or 1.0, LONGEST_WAIT_S))
        raise AssertionError("unreachable: the last try returns or raises")


def _side(picture: Picture) -> dict[str, str]:
    """One side of a comparison in JSON."""
    if isinstance(picture, str) and picture.startswith(("http://", "https://")):
        return {"url": picture}
    data = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
    return {"image": base64.b64encode(data).decode()}
