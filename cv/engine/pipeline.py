"""The straight line: decode → detect → align → attributes, with the milliseconds of each stage."""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.align import align
from cv.engine.attributes import Describer
from cv.engine.config import DecodeLimits
from cv.engine.decode import DecodedImage, decode
from cv.engine.detect import Detector
from cv.engine.quality import assess
from cv.engine.stripping import without_metadata
from cv.engine.types import (
    DEFAULT_OPTIONS,
    AnalysisOptions,
    AnalysisResult,
    Box,
    Detection,
    FaceResult,
    ImageInfo,
    Landmarks,
    ModelInfo,
    Point,
    Timing,
)
from cv.engine.weights import ModelCard


# Faces smaller than this in a reduced picture are judged and described in the full one. From 48 px on, the smallest that
# cost no score, both pictures give the same; the boxes of the two differ by a tenth.
_FULL_SIZE_BELOW_PX = 56


@dataclass(frozen=True, slots=True)
class Engine:
    """Loaded nets and limits. Thread-safe; build it with ``runtime.get_engine``."""

    detector: Detector
    describer: Describer
    limits: DecodeLimits
    card: ModelCard

    @property
    def model(self) -> ModelInfo:
        return ModelInfo(self.card.name, self.card.version, self.card.sha256)

    def analyze(self, data: bytes, options: AnalysisOptions = DEFAULT_OPTIONS) -> AnalysisResult:
        """Finds and describes every face of an encoded image.

        Raises ImageTooLarge, UnsupportedMediaType or UndecodableImage; no face is no error.
        """
        started = time.perf_counter()
        image = decode(data, self.limits, options.min_face_px)
        decoded = time.perf_counter()
        detections = self.detector.detect(image.pixels, options.min_face_px * image.scale, options.max_faces)
        detected = time.perf_counter()
        if image.scale < 1 and any(_shorter_side(detection) < _FULL_SIZE_BELOW_PX for detection in detections):
            detections = [_at_full_size(detection, image.scale) for detection in detections]
            # Not both at once.
            del image
            image = decode(data, self.limits, options.min_face_px, reduce=False)
        sharpened = time.perf_counter()
        faces = self._describe(image, detections, options)
        described = time.perf_counter()
        full_pixels = image.pixels if image.scale == 1 else None
        picture = without_metadata(data, self.limits, full_pixels) if options.picture else None
        return AnalysisResult(
            image=ImageInfo(image.width, image.height, image.sha256),
            faces=faces,
            model=self.model,
            timing_ms=Timing(
                decode=_milliseconds(started, decoded) + _milliseconds(detected, sharpened),
                detect=_milliseconds(decoded, detected),
                attributes=_milliseconds(sharpened, described),
                total=_milliseconds(started, described),
            ),
            picture=picture,
        )

    def _describe(
        self, image: DecodedImage, detections: list[Detection], options: AnalysisOptions
    ) -> tuple[FaceResult, ...]:
        chips = self.chips(image.pixels, detections)
        attributes = self.describer.describe(chips, options.attributes)
        qualities = [assess(d, chip, image.pixels.size) for d, chip in zip(detections, chips, strict=True)]
        full_size = [_at_full_size(detection, image.scale) for detection in detections]
        return tuple(
            FaceResult(index, d.box, d.confidence, d.landmarks, quality, described)
            for index, (d, quality, described) in enumerate(zip(full_size, qualities, attributes, strict=True))
        )

    def chips(self, pixels: Image.Image, detections: list[Detection]) -> npt.NDArray[np.uint8]:
        """The aligned chips, uint8 RGB ``(N, S, S, 3)``; detections in pixels of ``pixels``."""
        size = self.card.chip_size
        if not detections:
            return np.empty((0, size, size, 3), dtype=np.uint8)
        # Where a photo may have several cores, each cuts some: Pillow takes a millisecond for one.
        return np.stack(list(self.detector.spread(lambda found: align(pixels, found.landmarks, size), detections)))


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
        landmarks=Landmarks(
            left_eye=point(landmarks.left_eye),
            right_eye=point(landmarks.right_eye),
            nose=point(landmarks.nose),
            mouth_left=point(landmarks.mouth_left),
            mouth_right=point(landmarks.mouth_right),
        ),
    )


def _shorter_side(detection: Detection) -> float:
    return min(detection.box.width, detection.box.height)


def _milliseconds(start: float, end: float) -> float:
    return round((end - start) * 1000, 2)
