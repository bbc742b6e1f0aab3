"""Reads a video in an engine: sample → find → follow → describe → fuse, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from PIL import Image

from cv.engine.config import VideoLimits
from cv.engine.decode import DecodedImage
from cv.engine.errors import VideoTooExpensive
from cv.engine.outputs import Shape, all_outputs, get_output
from cv.engine.pipeline import Engine
from cv.engine.readers.loading import LazyReader
from cv.engine.types import Detection, FaceResult, ImageInfo, ModelRun, Picture, Timing
from cv.engine.video.decode import Sample, hash_file, sample_video
from cv.engine.video.people import Shot, Track, encode_jpeg
from cv.engine.video.tracks import GAP_S, Tracker
from cv.engine.video.types import Person, Still, VideoOptions, VideoQuestion, VideoResult

# People kept; of more, those seen longest.
MOST_PEOPLE: Final = 500
# Embeddings are dear, so a track has one a second; the others have every frame.
_EMBED_EVERY_S: Final = 1.0
# Moments of all tracks that have ended; of more, every track's neighbours are averaged in pairs.
MOST_MOMENTS_HELD: Final = 40_000
# How often the whole frame is searched while somebody is in sight: a newcomer is found that much later. With more
# faces than this the whole frame is searched every time, which costs less.
_SEARCH_EVERY_S: Final = 0.55
_MOST_NEAR: Final = 6
# Frames of the storyboard. When there are more, every second one goes.
MOST_FRAMES: Final = 240
FRAME_PX: Final = 320
_FRAME_QUALITY: Final = 70
STORY: Final = "frame"
# How often the other end is told how far this is.
_TELL_S: Final = 1.0
Readers = Mapping[LazyReader, frozenset[str]]


def read_video(
    engine: Engine, question: VideoQuestion, limits: VideoLimits, tell: Callable[[float], None]
) -> VideoResult:
    """The people of a video. ``tell`` is called about once a second with the share of the video that is done.

    Raises what ``sample_video`` does, VideoTooExpensive after ``limits.work_seconds``, and ModelNotReady.
    """
    return _Reading(engine, question.options, limits, tell).read(question)


class _Reading:
    def __init__(
        self, engine: Engine, options: VideoOptions, limits: VideoLimits, tell: Callable[[float], None]
    ) -> None:
        self.engine, self.options, self.limits, self.tell = engine, options, limits, tell
        self.started = self.told_at = time.monotonic()
        readers = engine.readers_of(options.attributes)
        self.dear: Readers = {reader: given for reader, given in readers.items() if _is_embedding(given)}
        self.usual: Readers = {reader: given for reader, given in readers.items() if reader not in self.dear}
        self.tracker = Tracker()
        self.open: dict[int, Track] = {}
        self.closed: list[Track] = []
        self.scenes: list[float] = []
        # Frames looked at in each scene.
        self.looks: list[int] = []
        self.story, self.story_stride = list[Shot](), 1
        self.frames, self.size = 0, (0, 0)
        # When the last decoded frame is shown, and when it ends, if it stays as long as the one before.
        self.frame_at = self.seconds = 0.0
        self.searched_at = 0.0
        # Seconds of the three steps, each of which has a thread.
        self.spent = {"decode": 0.0, "detect": 0.0, "attributes": 0.0}
        # What each reader gives, and the milliseconds that it took so far.
        self.runs = {reader: (given, 0.0) for reader, given in readers.items()}

    def read(self, question: VideoQuestion) -> VideoResult:
        """Three steps at once, each on frames in their order: decode, find, describe."""
        options = self.options
        samples = sample_video(question.file, self.limits, options.rate, options.min_face_px, self.note_time)
        with ThreadPoolExecutor(2, "video") as threads:
            described: Future[None] | None = None
            for sample in self.ahead(samples, threads):
                found, numbers = self.look(sample.at, sample.starts_scene, sample.image)
                if described is not None:
                    described.result()
                described = threads.submit(self.note, sample.at, sample.starts_scene, sample.image, found, numbers)
            if described is not None:
                described.result()
        self.close_before(float("inf"))
        return self.result(hash_file(question.file))

    def note_time(self, at: float, seconds: float | None) -> None:
        """Ends what takes too long, and tells how far this is."""
        now = time.monotonic()
        self.seconds, self.frame_at = 2 * at - self.frame_at, at
        if now - self.started > self.limits.work_seconds:
            raise VideoTooExpensive(f"the video takes more than {self.limits.work_seconds:,} s")
        if now - self.told_at >= _TELL_S:
            self.told_at = now
            self.tell(min(at / seconds, 1.0) if seconds else 0.0)

    def ahead(self, samples: Iterator[Sample], threads: ThreadPoolExecutor) -> Iterator[Sample]:
        """The same samples; while one is looked at, the next one is decoded."""
        coming = threads.submit(self.decode, samples)
        while (sample := coming.result()) is not None:
            coming = threads.submit(self.decode, samples)
            yield sample

    def decode(self, samples: Iterator[Sample]) -> Sample | None:
        started = time.perf_counter()
        try:
            return next(samples, None)
        finally:
            self.spent["decode"] += time.perf_counter() - started

    def look(self, at: float, starts_scene: bool, image: DecodedImage) -> tuple[list[Detection], list[int]]:
        """The faces of a frame, and the track of each."""
        started = time.perf_counter()
        found = self.find(at, starts_scene, image)
        numbers = self.tracker.assign([face.box for face in found], at, starts_scene)
        self.spent["detect"] += time.perf_counter() - started
        return found, numbers

    def note(
        self, at: float, starts_scene: bool, image: DecodedImage, found: list[Detection], numbers: list[int]
    ) -> None:
        """Describes the faces of a frame, and adds them to their tracks."""
        started = time.perf_counter()
        if starts_scene:
            self.close_before(float("inf"))
            self.scenes.append(at)
            self.looks.append(0)
        self.close_before(at - GAP_S)
        self.frames += 1
        self.looks[-1] += 1
        self.size = self.size if self.frames > 1 else (image.width, image.height)
        picture = image.pixels if self.options.stills else None
        for number, face in zip(numbers, self.describe(image, found, self.usual), strict=True):
            if number not in self.open:
                self.open[number] = Track(len(self.scenes) - 1, at, face)
            self.open[number].add(at, face, picture, image.scale)
        self.embed(at, image, found, numbers)
        if picture is not None:
            self.add_to_story(at, picture)
        self.spent["attributes"] += time.perf_counter() - started

    def find(self, at: float, starts_scene: bool, image: DecodedImage) -> list[Detection]:
        """The whole frame is searched now and then, where a scene starts, and when no face is in sight; between these
        searches only the parts near the faces of the frame before."""
        expected = [] if starts_scene else self.tracker.expected(at)
        most = self.options.max_faces
        if expected and len(expected) <= _MOST_NEAR and at - self.searched_at < _SEARCH_EVERY_S:
            return self.engine.find_near(image, expected, most)
        self.searched_at = at
        return self.engine.find(image, self.options.min_face_px, most)

    def describe(self, image: DecodedImage, found: list[Detection], readers: Readers) -> tuple[FaceResult, ...]:
        faces, runs = self.engine.describe(image, found, readers)
        for reader, run in zip(readers, runs, strict=True):
            given, ms = self.runs[reader]
            self.runs[reader] = given, ms + run.ms
        return faces

    def embed(self, at: float, image: DecodedImage, found: list[Detection], numbers: list[int]) -> None:
        """The embeddings of the tracks that have had none for a while."""
        if not self.dear:
            return
        due = [
            (self.open[number], face)
            for number, face in zip(numbers, found, strict=True)
            if (last := self.open[number].embedded_at) is None or at - last >= _EMBED_EVERY_S
        ]
        described = self.describe(image, [face for _, face in due], self.dear)
        for (track, _), face in zip(due, described, strict=True):
            track.embedded_at = at
            track.fuse(face, max(0.01, face.quality.score))

    def close_before(self, moment: float) -> None:
        """Ends the tracks that were not seen since."""
        over = [number for number, track in self.open.items() if track.last_at < moment]
        for number in over:
            track = self.open.pop(number)
            # What is a face in one frame and gone in the next is seldom one.
            if track.frames > 1 or self.looks[track.scene] == 1:
                self.closed.append(track)
        if len(self.closed) > 2 * MOST_PEOPLE:
            self.closed = _seen_longest(self.closed)
        while over and sum(len(track.moments) for track in self.closed) > MOST_MOMENTS_HELD:
            for track in self.closed:
                track.halve()

    def add_to_story(self, at: float, picture: Image.Image) -> None:
        if (self.frames - 1) % self.story_stride:
            return
        share = min(1.0, FRAME_PX / max(picture.size))
        size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
        small = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        self.story.append(Shot(0.0, at, encode_jpeg(small, _FRAME_QUALITY)))
        if len(self.story) > MOST_FRAMES:
            self.story, self.story_stride = self.story[::2], 2 * self.story_stride

    def result(self, sha256: str) -> VideoResult:
        kept: list[bytes] = []
        story = _kept([(STORY, shot) for shot in self.story], kept)
        people = tuple(_person(index, track, kept) for index, track in enumerate(_seen_longest(self.closed)))
        spent = {**self.spent, "total": time.monotonic() - self.started}
        timing = Timing(**{stage: round(1000 * seconds, 2) for stage, seconds in spent.items()})
        return VideoResult(
            image=ImageInfo(*self.size, sha256),
            seconds=self.seconds,
            frames=self.frames,
            scenes=tuple(self.scenes),
            people=people,
            model=self.engine.model,
            timing_ms=timing,
            models=tuple(
                ModelRun(lazy.card.name, lazy.card.version, lazy.card.sha256, round(ms, 2), given)
                for lazy, (given, ms) in self.runs.items()
            ),
            storyboard=story,
            picture=Picture(".mjpeg", b"".join(kept)) if kept else None,
        )


def _person(index: int, track: Track, kept: list[bytes]) -> Person:
    answers = track.answers()
    ordered = {output.name: answers[output.name] for output in all_outputs() if output.name in answers}
    return Person(
        face=replace(track.best, index=index, attributes=ordered),
        scene=track.scene,
        first_at=track.first_at,
        last_at=track.last_at,
        best_at=track.best_at,
        frames=track.frames,
        moments=track.all_moments(),
        stills=_kept(list(track.shots.items()), kept),
    )


def _kept(shots: list[tuple[str, Shot]], kept: list[bytes]) -> tuple[Still, ...]:
    """Adds the JPEGs to those that are kept, and says where each is."""
    start, stills = sum(map(len, kept)), []
    for kind, shot in shots:
        stills.append(Still(kind, shot.at, start, len(shot.data)))
        kept.append(shot.data)
        start += len(shot.data)
    return tuple(stills)


def _seen_longest(tracks: list[Track]) -> list[Track]:
    return sorted(tracks, key=lambda track: (-track.frames, track.first_at))[:MOST_PEOPLE]


def _is_embedding(given: frozenset[str]) -> bool:
    return any(get_output(name).shape is Shape.VECTOR and not get_output(name).labels for name in given)
