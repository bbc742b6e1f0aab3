"""Searches a picture that lies on its side or stands on its head."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image

from cv.engine.detect.boxes import nms
from cv.engine.detect.mtcnn import Detector
from cv.engine.types import Box, Detection, Landmarks, Point

Detect = Callable[[Image.Image, float, int], list[Detection]]
# A picture is turned as a whole, and its faces are seldom smaller than this share of its shorter side: a search for
# them costs a fraction of the upright one.
_SMALLEST_SHARE: Final = 1 / 16
# A larger picture is shrunk first: its shorter side is then up to twice as long as this, and a face has 40 px or more.
_SEARCHED_PX: Final = 640
# A strip is shrunk further, so that its turned copies and their pyramids stay small.
_MOST_PIXELS: Final = 4_000_000
# The part around one face has this much more on each side, in face sides; the face is shrunk to 32 to 64 px.
_AROUND: Final = 0.5
_NEAR_PX: Final = 32
_NEAR_FACES: Final = 4
# Share of the smaller box from which two boxes are of one face.
_DOUBLE: Final = 0.5
_QUARTERS: Final = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)


def detect_turned(detector: Detector, image: Image.Image, min_face_px: float, max_faces: int) -> list[Detection]:
    """The faces that the cascade finds after one, two and three quarter turns, in the picture's own pixels.

    A face may be found more than once. Eyes and mouth keep their names: ``left_eye`` is on the left once the face is
    upright.
    """
    factor = max(min(image.size) // _SEARCHED_PX, math.isqrt(image.width * image.height // _MOST_PIXELS), 1)
    shrunk = image.reduce(factor)
    smallest = max(min_face_px / factor, min(shrunk.size) * _SMALLEST_SHARE)
    return _detect(detector.detect, shrunk, smallest, max_faces, factor, (0, 0))


def detect_turned_near(detector: Detector, image: Image.Image, box: Box) -> list[Detection]:
    """What ``detect_turned`` finds in the part around one face, if it has about that face's size."""
    side = max(box.width, box.height)
    around = side * _AROUND
    left, top = max(round(box.x - around), 0), max(round(box.y - around), 0)
    right = min(round(box.x + box.width + around), image.width)
    bottom = min(round(box.y + box.height + around), image.height)
    factor = max(int(side / _NEAR_PX), 1)
    part = image.reduce(factor, (left, top, right, bottom))
    return _detect(detector.search, part, side / factor / 2, _NEAR_FACES, factor, (left, top))


def _detect(
    detect: Detect, image: Image.Image, min_face_px: float, max_faces: int, factor: int, corner: Point
) -> list[Detection]:
    """Searches a part of a picture, shrunk by ``factor``, whose upper left corner is at ``corner``."""
    return [
        _turned_back(detection, image.size, quarters, factor, corner)
        for quarters, turn in enumerate(_QUARTERS, start=1)
        for detection in detect(image.transpose(turn), min_face_px, max_faces)
    ]


def drop_doubles(faces: list[Detection]) -> list[Detection]:
    """Of faces that overlap, the most confident one; largest first."""
    if not faces:
        return []
    corners = [(f.box.x, f.box.y, f.box.x + f.box.width, f.box.y + f.box.height) for f in faces]
    boxes, scores = np.array(corners, np.float32), np.array([face.confidence for face in faces], np.float32)
    kept = [faces[i] for i in nms(boxes, scores, _DOUBLE, over_smaller=True)]
    return sorted(kept, key=lambda face: -face.box.area)


def _turned_back(
    detection: Detection, image_size: tuple[int, int], quarters: int, factor: int, corner: Point
) -> Detection:
    """From pixels of the shrunk part after quarter turns anticlockwise to those of the picture itself."""
    width, height = image_size

    def point(at: Point) -> Point:
        x, y = at
        back = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
        return corner[0] + back[0] * factor, corner[1] + back[1] * factor

    box = detection.box
    (x1, y1), (x2, y2) = point((box.x, box.y)), point((box.x + box.width, box.y + box.height))
    return Detection(
        box=Box(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)),
        confidence=detection.confidence,
        landmarks=Landmarks(*map(point, detection.landmarks)),
    )
