"""Searches only the parts of a picture where faces are expected, for example where they were in the frame before."""

from typing import Final

from PIL import Image

from cv.engine.detect.mtcnn import Detector
from cv.engine.detect.turned import drop_doubles
from cv.engine.types import Box, Detection, Landmarks, Point

# A part has this much more on each side than the box, in its longer sides. In it, faces down to this share of the box's
# shorter side are searched.
_AROUND: Final = 0.6
_SMALLEST: Final = 0.6
# The face is shrunk to this or up to twice as much: the cascade's last net sees 48 px of it.
_NEAR_PX: Final = 64
# Faces of one part; others that happen to be in it are found in their own.
_FACES: Final = 4


def detect_near(detector: Detector, image: Image.Image, boxes: list[Box], max_faces: int) -> list[Detection]:
    """The faces of about these sizes near these places, largest first, in pixels of the RGB image."""
    found = [face for box in boxes for face in _detect(detector, image, box)]
    return drop_doubles(found)[:max_faces]


def _detect(detector: Detector, image: Image.Image, box: Box) -> list[Detection]:
    side = max(box.width, box.height)
    around = side * _AROUND
    left, top = max(round(box.x - around), 0), max(round(box.y - around), 0)
    right = min(round(box.x + box.width + around), image.width)
    bottom = min(round(box.y + box.height + around), image.height)
    if right - left < 2 or bottom - top < 2:
        return []
    factor = max(int(side / _NEAR_PX), 1)
    part = image.reduce(factor, (left, top, right, bottom))
    smallest = min(box.width, box.height) / factor * _SMALLEST
    return [_moved(face, factor, (left, top)) for face in detector.search(part, smallest, _FACES)]


def _moved(face: Detection, factor: int, corner: Point) -> Detection:
    """From pixels of a part, shrunk by ``factor``, whose upper left corner is at ``corner``, to the picture's own."""

    def point(at: Point) -> Point:
        return corner[0] + at[0] * factor, corner[1] + at[1] * factor

    x, y = point((face.box.x, face.box.y))
    box = Box(x, y, face.box.width * factor, face.box.height * factor)
    return Detection(box, face.confidence, Landmarks(*map(point, face.landmarks)))
