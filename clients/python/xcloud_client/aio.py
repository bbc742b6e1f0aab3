"""The client for asyncio: the methods of ``client``, to be awaited. A test compares both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import httpx

from xcloud_client import asks, options, people
from xcloud_client.answers import loads
from xcloud_client.asks import Ask, T
from xcloud_client.errors import ApiError
from xcloud_client.tables import frame_of
from xcloud_client.types import (
    Analysis,
    Collection,
    Comparison,
    Detections,
    Embeddings,
    EnrolledFace,
    GroupedFace,
    Job,
    JobItem,
    Receipt,
    SearchedFace,
    Subject,
    UnknownGroup,
    VectorToEnrol,
    VectorToGroup,
    Verification,
)
from xcloud_client.uploads import Archive, Picture


class AsyncXCloud:
    """``AsyncXCloud("https://faces.example.org", key)``; close it, or use it in an ``async with`` block.

    Methods raise ApiError if the API refuses, and httpx's errors if it cannot be reached. A picture is bytes, a path, a
    file object, or an http(s) address that the server fetches. ``label``, ``value`` and ``interval`` of an answer that
    abstained raise Unsure.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = 60.0,
        retries: int = 2,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx.AsyncClient(**asks.connection(url, key, timeout_s), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def analyse(self, picture: Picture, **options: Unpack[options.AnalysisOptions]) -> Analysis:
        """Analyzes every face of a picture."""
        return await self._do(asks.analyse(picture, options))

    async def detect(self, picture: Picture, **options: Unpack[options.FaceOptions]) -> Detections:
        """Finds the faces and stores nothing."""
        return await self._do(asks.detect(picture, options))

    async def preview(self, picture: Picture) -> bytes:
        """A JPEG that every browser can show."""
        return await self._do(asks.preview(picture))

    async def portray(self, picture: Picture, **options: Unpack[options.PortraitOptions]) -> bytes:
        """The picture without metadata and with another background behind its people."""
        return await self._do(asks.portray(picture, options))

    async def redact(self, picture: Picture, **options: Unpack[options.RedactionOptions]) -> bytes:
        """The picture without metadata and with its faces hidden. A face that was not found is not hidden."""
        return await self._do(asks.redact(picture, options))

    async def compare(
        self, first: Picture, second: Picture, **options: Unpack[options.ComparisonOptions]
    ) -> Comparison:
        """Compares each face of one picture with each face of the other; stores nothing. Needs the scope `identify`."""
        return await self._do(asks.compare(first, second, options))

    async def embed(self, picture: Picture, *, min_face_px: int | None = None) -> Embeddings:
        """The vector of every face; stores nothing. Needs the scope `identify`."""
        return await self._do(asks.embed(picture, min_face_px))

    async def analysis(self, analysis_id: str) -> Analysis:
        return await self._do(asks.analysis(analysis_id))

    def analyses(self, **filters: str | float) -> AsyncIterator[Analysis]:
        """Lists your analyses, newest first, page by page. Filters: ``subject=``, ``created_after=``, ``min_age=``…"""
        return self._pages("analyses", filters)

    async def reanalyse(self, analysis_id: str) -> Analysis:
        """Analyzes the stored picture again with the current model."""
        return await self._do(asks.reanalyse(analysis_id))

    async def picture(self, analysis_id: str) -> bytes:
        return await self._do(asks.picture(analysis_id))

    async def delete(self, analysis_id: str) -> None:
        await self._do(asks.delete(analysis_id))

    async def export(self, subject: str) -> dict[str, Any]:
        """Everything stored about a subject."""
        return await self._do(asks.export(subject))

    async def export_zip(self, subject: str) -> bytes:
        """The same as a ZIP, with the pictures as files."""
        return await self._do(asks.export_zip(subject))

    async def erase(self, subject: str) -> Receipt:
        """Deletes everything stored about a subject. Keep the receipt."""
        return await self._do(asks.erase(subject))

    async def start_job(
        self,
        *,
        archive: Archive | None = None,
        urls: Sequence[str] | None = None,
        analyses: Sequence[str] | None = None,
        folder: str | None = None,
        **options: Unpack[options.JobOptions],
    ) -> Job:
        """Starts a job of many images: a ZIP or TAR, URLs, earlier analyses, or a folder of the server."""
        return await self._do(asks.start_job(archive, urls, analyses, folder, options))

    async def start_video(
        self, video: Archive, *, rate: float | None = None, **options: Unpack[options.JobOptions]
    ) -> Job:
        """Starts to read a video: an MP4, a MOV, a WebM or a GIF. ``rate`` is the frames looked at in a second."""
        return await self._do(asks.start_video(video, rate, options))

    async def video(self, job_id: str) -> dict[str, Any]:
        """How far a video is, and once it has been read, its people in ``result``."""
        return await self._do(asks.video(job_id))

    async def video_table(self, job_id: str) -> bytes:
        """The timeline of a video as CSV: a row for each person and moment."""
        return await self._do(asks.video_table(job_id))

    async def video_frame(self, job_id: str, index: int) -> bytes:
        """A kept frame as a JPEG; ``index`` counts the times in ``storyboard``."""
        return await self._do(asks.video_frame(job_id, index))

    async def video_still(self, job_id: str, person: int, kind: str) -> bytes:
        """A kept still of a person as a JPEG, for example ``sharpest``."""
        return await self._do(asks.video_still(job_id, person, kind))

    async def job(self, job_id: str) -> Job:
        return await self._do(asks.job(job_id))

    def jobs(self, **filters: str | float) -> AsyncIterator[Job]:
        """Lists your jobs, newest first, page by page. Filter: ``state=``."""
        return self._pages("jobs", filters)

    def job_items(self, job_id: str, **filters: str | float) -> AsyncIterator[JobItem]:
        """Lists the images of a job, in order, page by page. Filter: ``state=``."""
        return self._pages(f"jobs/{job_id}/items", filters)

    async def progress(self, job_id: str, *, look_s: float = 2.0) -> AsyncIterator[Job]:
        """The job now and every ``look_s`` seconds; the last one has ended."""
        while True:
            job = await self.job(job_id)
            yield job
            if job["finished_at"] is not None:
                return
            await asyncio.sleep(look_s)

    async def finished_job(self, job_id: str, *, look_s: float = 2.0) -> Job:
        """Waits until the job has ended, and returns it."""
        async for job in self.progress(job_id, look_s=look_s):
            last = job
        return last

    async def pause_job(self, job_id: str) -> Job:
        """Images that are in progress are finished."""
        return await self._do(asks.change_job(job_id, "pause"))

    async def resume_job(self, job_id: str) -> Job:
        return await self._do(asks.change_job(job_id, "resume"))

    async def cancel_job(self, job_id: str) -> Job:
        return await self._do(asks.change_job(job_id, "cancel"))

    async def retry_job(self, job_id: str) -> Job:
        """Tries failed images again, if their input is still available."""
        return await self._do(asks.change_job(job_id, "retry"))

    async def delete_job(self, job_id: str, *, analyses: bool = False) -> None:
        await self._do(asks.delete_job(job_id, analyses))

    async def results(self, job_id: str) -> AsyncIterator[dict[str, Any]]:
        """Streams the images in order, each with ``index``, ``name``, ``state``, ``error``, ``analysis``, ``found``."""
        async with self._http.stream("GET", f"jobs/{job_id}/results") as response:
            if not response.is_success:
                await response.aread()
                raise ApiError.of(response)
            async for line in response.aiter_lines():
                yield loads(line)

    async def save_results(self, job_id: str, file: str | Path) -> None:
        """Writes the results to a file that ends in ``.jsonl``, ``.csv`` or ``.parquet``, as they stream in."""
        address, params = asks.results_for(job_id, file)
        async with self._http.stream("GET", address, params=params) as response:
            if not response.is_success:
                await response.aread()
                raise ApiError.of(response)
            with Path(file).open("wb") as saved:
                async for chunk in response.aiter_bytes():
                    saved.write(chunk)

    async def results_frame(self, job_id: str, *, guesses: bool = False) -> Any:
        """The results as a ``pandas.DataFrame``, a face per row; what abstained is missing, unless ``guesses``."""
        return frame_of(await self._do(asks.job_table(job_id, "parquet")), guesses)

    async def create_collection(self, name: str, *, ttl_days: int | None = None) -> Collection:
        """A new collection of people to find."""
        return await self._do(people.create_collection(name, ttl_days))

    async def collection(self, collection_id: str) -> Collection:
        return await self._do(people.collection(collection_id))

    async def change_collection(self, collection_id: str, **changes: Unpack[options.CollectionOptions]) -> Collection:
        """Changes ``name`` or ``ttl_days``; faces already enrolled keep their time."""
        return await self._do(people.change_collection(collection_id, changes))

    def subjects(self, collection_id: str) -> AsyncIterator[Subject]:
        """Lists the people of a collection by name, page by page."""
        return self._pages(f"collections/{collection_id}/subjects", {})

    def collections(self) -> AsyncIterator[Collection]:
        """Lists your collections, newest first, page by page."""
        return self._pages("collections", {})

    def enrolled_faces(self, collection_id: str, **filters: str | float) -> AsyncIterator[EnrolledFace]:
        """Lists the faces of a collection, newest first, page by page. Filter: ``subject=``."""
        return self._pages(f"collections/{collection_id}/faces", filters)

    async def delete_collection(self, collection_id: str) -> None:
        await self._do(people.delete_collection(collection_id))

    async def enrol(
        self, collection_id: str, picture: Picture, subject: str, **options: Unpack[options.EnrolOptions]
    ) -> EnrolledFace:
        """Enrols one face of a picture, and returns it."""
        return await self._do(people.enrol(collection_id, picture, subject, options))

    async def search(
        self, collection_id: str, picture: Picture, **options: Unpack[options.SearchOptions]
    ) -> list[SearchedFace]:
        """The faces of a picture, each with its ``match`` in the collection, or ``unknown``."""
        return await self._do(people.search(collection_id, picture, options))

    async def verify(
        self, collection_id: str, picture: Picture, subject: str, **options: Unpack[options.VerifyOptions]
    ) -> Verification:
        """Whether the picture shows this person of the collection: ``same``, ``similarity`` and ``threshold``."""
        return await self._do(people.verify(collection_id, picture, subject, options))

    async def remove_person(self, collection_id: str, subject: str) -> None:
        """Removes a person's faces from one collection; ``erase`` deletes everything that is stored about them."""
        await self._do(people.remove_person(collection_id, subject))

    async def remove_face(self, collection_id: str, face_id: str) -> None:
        await self._do(people.remove_face(collection_id, face_id))

    async def enrol_vectors(
        self, collection_id: str, model: str, faces: Sequence[VectorToEnrol], *, accept: Sequence[str] = ()
    ) -> list[EnrolledFace]:
        """Enrols up to 10,000 vectors of ``embed``, all or none; ``model`` is the SHA-256 of their model."""
        return await self._do(people.enrol_vectors(collection_id, model, faces, accept))

    async def group_vectors(
        self, collection_id: str, model: str, faces: Sequence[VectorToGroup], **options: Unpack[options.GroupOptions]
    ) -> dict[str, Any]:
        """Groups up to 10,000 vectors by person; stores nothing. People of the collection are in ``known``."""
        return await self._do(people.group_vectors(collection_id, model, faces, options))

    async def group_unknown(self, collection_id: str, *, job_id: str | None = None) -> dict[str, Any]:
        """Groups the unknown faces of your analyses by person, or of one job, if their vectors were kept."""
        return await self._do(people.group_unknown(collection_id, job_id))

    def unknown_groups(self, collection_id: str) -> AsyncIterator[UnknownGroup]:
        """Lists the groups of unknown faces, the largest first, page by page."""
        return self._pages(f"collections/{collection_id}/unknown", {})

    async def name_group(
        self, collection_id: str, group_id: str, subject: str, **options: Unpack[options.NameOptions]
    ) -> list[EnrolledFace]:
        """Enrols the best faces of a group as this subject; the group is gone then."""
        return await self._do(people.name_group(collection_id, group_id, subject, options))

    async def merge_groups(self, collection_id: str, group_id: str, other_id: str) -> None:
        """The faces of the other group move to this one."""
        await self._do(people.merge_groups(collection_id, group_id, other_id))

    async def split_group(self, collection_id: str, group_id: str, faces: Sequence[GroupedFace]) -> str:
        """Makes these faces a group of their own, and returns its id."""
        return await self._do(people.split_group(collection_id, group_id, faces))

    async def reject_face(self, collection_id: str, group_id: str, face: GroupedFace) -> None:
        """Says that a face is not this person, now and whenever faces are grouped again."""
        await self._do(people.reject_face(collection_id, group_id, face))

    async def models(self) -> list[dict[str, Any]]:
        return await self._do(asks.models())

    async def model(self, name: str) -> dict[str, Any]:
        """One model with its whole card: measured accuracy by group, limits and intended use."""
        return await self._do(asks.model(name))

    async def _pages(self, address: str, filters: dict[str, str | float]) -> AsyncIterator[Any]:
        ask = asks.page(address, filters)
        while True:
            page = await self._do(ask)
            for row in page["results"]:
                yield row
            if page["next"] is None:
                return
            ask = asks.page(page["next"], {})

    async def _do(self, ask: Ask[T]) -> T:
        with asks.prepared(ask) as options:
            for tries_left in range(self._retries, -1, -1):
                try:
                    response = await self._http.request(ask.method, ask.path, headers=ask.headers, **options)
                except httpx.TransportError:
                    if not tries_left:
                        raise
                    await asyncio.sleep(asks.BROKEN_WAIT_S)
                    continue
                if response.is_success:
                    return ask.read(response)
                error = ApiError.of(response)
                if not error.may_pass or not tries_left:
                    raise error
                await asyncio.sleep(error.wait_s)
        raise AssertionError("unreachable: the last try returns or raises")
