"""The straight line: decode → detect → check → align → readers, with the milliseconds of each stage."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cv.engine.align import Crop, Similarity, crop_similarity, warp
from cv.engine.check import Checked, FaceCheck
from cv.engine.config import DecodeLimits
from cv.engine.decode import DecodedImage, decode
from cv.engine.detect import Detector
from cv.engine.detect.near import detect_near
from cv.engine.detect.turned import detect_turned, detect_turned_near, drop_doubles
from cv.engine.errors import ModelNotReady
from cv.engine.manifest import Model
from cv.engine.outputs import POSE, all_outputs
from cv.engine.preview import CHIP_CROP, chip_jpegs, preview_of
from cv.engine.quality import QualityJudge
from cv.engine.readers.base import FaceReader, PhotoReader
from cv.engine.readers.loading import Lazy, LazyReader
from cv.engine.stripping import without_metadata
from cv.engine.types import (
    DEFAULT_OPTIONS,
    MAX_CHIPS,
    MAX_FACES_RANGE,
    AnalysisOptions,
    AnalysisResult,
    Answer,
    Answers,
    Box,
    Detection,
    FaceResult,
    ImageInfo,
    Landmarks,
    ModelInfo,
    ModelRun,
    Point,
    Pose,
    Timing,
    Vector,
)


@dataclass(frozen=True, slots=True)
class Chips:
    """The chips of a photo's faces for one crop: uint8 RGB ``(N, S, S, 3)``, and the maps from each chip's pixels to
    those of the upright, full-size photo."""

    pixels: npt.NDArray[np.uint8]
    to_photo: tuple[Similarity, ...]


# If a face is smaller than this in a reduced picture, the full picture is used for its quality and attributes. From
# 48 px on, the size that costs no score, both pictures give the same; their boxes differ by a tenth.
_FULL_SIZE_BELOW_PX = 56
# Candidates that are checked at once; if few faces are asked for, the rest need no check.
_CHECKED_AT_ONCE = 32
# The cascade is seldom this sure of a face that it reads the wrong way up.
_SURE = 0.999


@dataclass(frozen=True, slots=True)
class Engine:
    """Detector, readers and limits. Thread-safe; build it with ``runtime.get_engine``. ``default`` is the model of the
    default outputs; ``judge`` tells a face's quality; ``check`` and ``portrait`` are None for weights without one."""

    detector: Detector
    readers: tuple[LazyReader, ...]
    limits: DecodeLimits
    default: Model
    judge: QualityJudge
    check: FaceCheck | None = None
    portrait: Lazy[PhotoReader] | None = None

    @property
    def loaded(self) -> int:
        """How many readers are loaded."""
        lazy = (*self.readers, self.portrait)
        return sum(reader is not None and reader.is_loaded for reader in lazy)

    @property
    def model(self) -> ModelInfo:
        card = self.default.card
        return ModelInfo(card.name, card.version, card.sha256)

    def reader(self, output: str) -> FaceReader:
        """The loaded reader that gives this output. Raises ModelNotReady."""
        for reader in self.readers:
            if output in reader.gives:
                return reader.load()
        raise ModelNotReady(f"no model in service gives {output}")

    def analyze(self, data: bytes, options: AnalysisOptions = DEFAULT_OPTIONS) -> AnalysisResult:
        """Finds and describes every face of an encoded image.

        Raises ImageTooLarge, UnsupportedMediaType or UndecodableImage, and ModelNotReady if the model of an output
        cannot be loaded. A picture without faces is not an error.
        """
        started = time.perf_counter()
        readers = self.readers_of(options.attributes)
        image = decode(data, self.limits, options.min_face_px)
        preview = preview_of(image.pixels) if options.preview else None
        decoded = time.perf_counter()
        candidates = self._detect(image, options)
        detected = time.perf_counter()
        if image.scale < 1 and any(_shorter_side(face) < _FULL_SIZE_BELOW_PX for face in candidates):
            candidates = [_at_full_size(face, image.scale) for face in candidates]
            # Not both in memory at once.
            del image
            image = decode(data, self.limits, options.min_face_px, reduce=False)
        sharpened = time.perf_counter()
        detections = self._keep_faces(image, candidates, options)
        checked = time.perf_counter()
        faces, runs = self.describe(image, detections, readers)
        described = time.perf_counter()
        kept = detections[:MAX_CHIPS] if options.chips else []
        chips = chip_jpegs(self.cut(image, kept, CHIP_CROP).pixels)
        full_pixels = image.pixels if image.scale == 1 else None
        picture = without_metadata(data, self.limits, full_pixels) if options.picture else None
        return AnalysisResult(
            image=ImageInfo(image.width, image.height, image.sha256),
            faces=faces,
            model=self.model,
            timing_ms=Timing(
                decode=_milliseconds(started, decoded) + _milliseconds(detected, sharpened),
                detect=_milliseconds(decoded, detected) + _milliseconds(sharpened, checked),
                attributes=_milliseconds(checked, described),
                total=_milliseconds(started, described),
            ),
            models=runs,
            picture=picture,
            preview=preview,
            chips=chips,
        )

    def find(self, image: DecodedImage, min_face_px: int, max_faces: int) -> list[Detection]:
        """The faces that stand upright in a picture, largest first, in pixels of ``image.pixels``."""
        options = AnalysisOptions(frozenset(), min_face_px, max_faces)
        return self._surely(image, self._detect(image, options), max_faces)

    def find_near(self, image: DecodedImage, boxes: list[Box], max_faces: int) -> list[Detection]:
        """As ``find``, but only near ``boxes``, which are in pixels of ``image.pixels``, and about as large."""
        most = MAX_FACES_RANGE[1] if self.check else max_faces
        return self._surely(image, detect_near(self.detector, image.pixels, boxes, most), max_faces)

    def _surely(self, image: DecodedImage, candidates: list[Detection], most: int) -> list[Detection]:
        if self.check is None:
            return candidates
        return [face.detection for face in self._check(self.check, image, candidates, most)]

    def _detect(self, image: DecodedImage, options: AnalysisOptions) -> list[Detection]:
        """The cascade's candidates, largest first; all of them if the check may drop some."""
        most = MAX_FACES_RANGE[1] if self.check else options.max_faces
        return self.detector.detect(image.pixels, options.min_face_px * image.scale, most)

    def _keep_faces(
        self, image: DecodedImage, candidates: list[Detection], options: AnalysisOptions
    ) -> list[Detection]:
        """The largest candidates that pass the check. If none is surely a face that was read the right way up, the
        picture may lie on its side: it is searched in the other directions, too, unless it has faces and the surest of
        them looks best as it stands. A surer face found there counts, and of two readings of a face the surer one
        stays.

        Without a check all candidates stay, and no other direction is searched: the cascade alone reads some faces the
        wrong way up.
        """
        if self.check is None:
            return candidates
        upright = self._check(self.check, image, candidates, options.max_faces)
        if any(face.stands and face.detection.confidence >= _SURE for face in upright):
            return [face.detection for face in upright]
        surest = max((face.detection for face in upright), key=lambda face: face.confidence, default=None)
        if surest:
            near = detect_turned_near(self.detector, image.pixels, surest.box)
            if not _has_surer(self._check(self.check, image, near, len(near)), surest):
                return [face.detection for face in upright]
        found = detect_turned(self.detector, image.pixels, options.min_face_px * image.scale, options.max_faces)
        turned = self._check(self.check, image, found, len(found))
        if surest and not _has_surer(turned, surest):
            return [face.detection for face in upright]
        return drop_doubles([face.detection for face in upright + turned])[: options.max_faces]

    def _check(self, check: FaceCheck, image: DecodedImage, candidates: list[Detection], most: int) -> list[Checked]:
        """The first ``most`` candidates that are faces, with their probability as confidence."""
        kept: list[Checked] = []
        for start in range(0, len(candidates), _CHECKED_AT_ONCE):
            if len(kept) >= most:
                break
            part = candidates[start : start + _CHECKED_AT_ONCE]
            kept += check.keep_faces(part, self.cut(image, part, check.crop).pixels)
        return kept[:most]

    def readers_of(self, wanted: frozenset[str]) -> dict[LazyReader, frozenset[str]]:
        """The readers to run, each with the wanted outputs that it gives."""
        asked = {reader: given for reader in self.readers if (given := reader.gives & wanted)}
        missing = wanted.difference(*asked.values())
        if missing:
            raise ModelNotReady(f"no model in service gives {', '.join(sorted(missing))}")
        return asked

    def describe(
        self, image: DecodedImage, detections: list[Detection], asked: Mapping[LazyReader, frozenset[str]]
    ) -> tuple[tuple[FaceResult, ...], tuple[ModelRun, ...]]:
        chips = {self.judge.crop: self.cut(image, detections, self.judge.crop)}
        answers: list[dict[str, Answer]] = [{} for _ in detections]
        runs = []
        for lazy, outputs in asked.items():
            ms = 0.0
            if detections:
                reader = lazy.load()
                if lazy.crop not in chips:
                    chips[lazy.crop] = self.cut(image, detections, lazy.crop)
                seen = chips[lazy.crop]
                started = time.perf_counter()
                # The warnings go by the pose wherever it is at hand.
                read = reader.read(seen.pixels, seen.to_photo, outputs | (reader.gives & {POSE.name}))
                for answer, given in zip(answers, read, strict=True):
                    answer.update(given)
                ms = _milliseconds(started, time.perf_counter())
            runs.append(ModelRun(lazy.card.name, lazy.card.version, lazy.card.sha256, ms, outputs))
        poses = [_pose_of(answer) for answer in answers]
        wanted = frozenset[str]().union(*asked.values())
        qualities = self.judge.assess(detections, chips[self.judge.crop].pixels, image.pixels.size, poses)
        full_size = [_at_full_size(detection, image.scale) for detection in detections]
        faces = tuple(
            FaceResult(index, d.box, d.confidence, d.landmarks, quality, _in_order(answer, wanted))
            for index, (d, quality, answer) in enumerate(zip(full_size, qualities, answers, strict=True))
        )
        return faces, tuple(runs)

    def cut(self, image: DecodedImage, detections: list[Detection], crop: Crop) -> Chips:
        """The aligned chips; detections in pixels of ``image.pixels``."""
        if not detections:
            return Chips(np.empty((0, crop.size, crop.size, 3), dtype=np.uint8), ())
        to_chips = [crop_similarity(detection.landmarks, crop) for detection in detections]
        # If a photo may use several cores, each cuts some chips: Pillow takes a millisecond for one.
        chips = self.detector.spread(lambda to_chip: warp(image.pixels, to_chip, crop.size), to_chips)
        to_photo = tuple(to_chip.inverse().enlarged(1 / image.scale) for to_chip in to_chips)
        return Chips(np.stack(list(chips)), to_photo)


def _has_surer(faces: list[Checked], than: Detection) -> bool:
    return any(face.detection.confidence > than.confidence for face in faces)


def _in_order(answers: Answers, wanted: frozenset[str]) -> Answers:
    """The ``wanted`` answers in the registry's order, whichever reader answered first."""
    return {output.name: answers[output.name] for output in all_outputs() if output.name in answers.keys() & wanted}


def _pose_of(answers: Answers) -> Pose | None:
    match answers.get(POSE.name):
        case Vector((yaw, pitch, roll)):
            return yaw, pitch, roll
        case _:
            return None


def _at_full_size(detection: Detection, scale: float) -> Detection:
    """From pixels of the reduced image to those of the full one."""
    if scale == 1:
        return detection

    def point(at: Point) -> Point:
        return at[0] / scale, at[1] / scale

    box, landmarks = detection.box, detection.landmarks
    return Detection(
        box=Box(box.x / scale, box.y / scale, box.width / scale, box.height / scale),
        confidence=detection.confidence,
        landmarks=Landmarks(*map(point, landmarks)),
    )


def _shorter_side(detection: Detection) -> float:
    return min(detection.box.width, detection.box.height)


def _milliseconds(start: float, end: float) -> float:
    return round((end - start) * 1000, 2)
