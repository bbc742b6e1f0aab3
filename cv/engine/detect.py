"""MTCNN (Zhang et al. 2016): an image pyramid through P-Net, then R-Net and O-Net on ever fewer candidates."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.area import AreaImage, Regions
from cv.engine.boxes import Boxes, Scores, areas, nms, regress, to_squares
from cv.engine.config import DetectThresholds
from cv.engine.sessions import Array, Net
from cv.engine.transforms import crops_to_input
from cv.engine.types import Box, Detection, Landmarks

_CELL, _STRIDE = 12, 2
_PYRAMID_FACTOR = 0.709
_REFINE_PX, _OUTPUT_PX = 24, 48
# Pictures up to this side are searched for faces down to this share of it, whatever the options say: a thumbnail is
# mostly one face, and to search it closely costs little.
_THUMBNAIL_PX, _THUMBNAIL_SHARE = 200, 1 / 8
# Pictures of more pixels are searched reduced, the smallest face asked for to no less than this; what the reduced
# picture shows too coarsely for O-Net is cut from the full one.
_LARGE_PIXELS, _SEARCHED_FACE_PX = 1_000_000, 20
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Detector:
    """The cascade. Thread-safe: it holds no state but the loaded nets."""

    proposal_net: Net
    refine_net: Net
    output_net: Net
    thresholds: DetectThresholds

    def detect(self, image: Image.Image, min_face_px: float, max_faces: int) -> list[Detection]:
        """The faces of an RGB image, largest first, at most ``max_faces``, in its pixels.

        A face smaller than ``min_face_px`` is not looked for, except in a thumbnail.
        """
        shorter = min(image.size)
        if shorter <= _THUMBNAIL_PX:
            min_face_px = min(min_face_px, max(shorter * _THUMBNAIL_SHARE, _CELL))
        factor = max(int(min_face_px / _SEARCHED_FACE_PX), 1) if image.width * image.height > _LARGE_PIXELS else 1
        searched = AreaImage(np.asarray(image.reduce(factor)))
        boxes = self._propose(searched, min_face_px / factor)
        boxes = self._refine(searched, boxes)
        boxes, scores, landmarks = self._output(searched, boxes, image, factor)
        largest = np.argsort(-areas(boxes), kind="stable")[:max_faces]
        return [_detection(boxes[i] * factor, scores[i], landmarks[i] * factor) for i in largest]

    def _propose(self, image: AreaImage, min_face_px: float) -> Boxes:
        found = [self._propose_at(image, scale) for scale in pyramid_scales(min(image.size), min_face_px)]
        if not found:
            return np.empty((0, 4), np.float32)
        boxes, scores, offsets = (np.concatenate(part) for part in zip(*found, strict=True))
        kept = nms(boxes, scores, 0.7)
        return to_squares(regress(boxes[kept], offsets[kept], inclusive=False))

    def _propose_at(self, image: AreaImage, scale: float) -> tuple[Boxes, Scores, Array]:
        width, height = image.size
        level = image.resize(int(width * scale + 1), int(height * scale + 1))
        probability, offsets = self.proposal_net(crops_to_input(level[None]))
        rows, columns = np.nonzero(probability[0] >= self.thresholds.proposal)
        corners = np.stack([columns, rows], axis=1).astype(np.float32) * _STRIDE + 1
        boxes = np.floor(np.hstack([corners, corners + _CELL - 1]) / np.float32(scale))
        scores = probability[0, rows, columns]
        kept = nms(boxes, scores, 0.5)
        return boxes[kept], scores[kept], offsets[0][:, rows, columns].T[kept]

    def _refine(self, image: AreaImage, boxes: Boxes) -> Boxes:
        boxes = boxes[_visible(boxes, image.size)]
        scores, offsets = _in_batches(self.refine_net, image.crops(_clip(boxes, image.size), _REFINE_PX))
        passed = scores > self.thresholds.refine
        boxes, scores, offsets = boxes[passed], scores[passed], offsets[passed]
        kept = nms(boxes, scores, 0.7)
        return to_squares(regress(boxes[kept], offsets[kept], inclusive=True))

    def _output(
        self, searched: AreaImage, boxes: Boxes, image: Image.Image, factor: int
    ) -> tuple[Boxes, Scores, Array]:
        """Boxes ``(N, 4)``, scores ``(N,)`` and landmarks ``(N, 5, 2)``, in pixels of the searched picture.

        ``image`` is the full one, ``factor`` times as large.
        """
        boxes = boxes[_visible(boxes, searched.size)]
        regions = _clip(boxes, searched.size)
        crops = searched.crops(regions, _OUTPUT_PX)
        if factor > 1:
            for i in np.flatnonzero((regions[:, 2:] - regions[:, :2]).max(axis=1) < _OUTPUT_PX):
                fine = image.crop(tuple((regions[i] * factor).tolist()))
                crops[i] = AreaImage(np.asarray(fine)).resize(_OUTPUT_PX, _OUTPUT_PX)
        scores, offsets, points = _in_batches(self.output_net, crops)
        passed = scores > self.thresholds.output
        boxes, scores, offsets, points = boxes[passed], scores[passed], offsets[passed], points[passed]
        fractions = points.reshape(-1, 2, 5).transpose(0, 2, 1)
        size = boxes[:, None, 2:] - boxes[:, None, :2] + 1
        landmarks = boxes[:, None, :2] + fractions * size - 1
        boxes = regress(boxes, offsets, inclusive=True)
        kept = nms(boxes, scores, 0.7, over_smaller=True)
        return boxes[kept], scores[kept], landmarks[kept]


def pyramid_scales(shorter_side: int, min_face_px: float) -> list[float]:
    """Scales at which a face of the 12 px cell is a face of ``min_face_px``, and every larger one."""
    scale = _CELL / min_face_px
    scales = []
    while shorter_side * scale >= _CELL:
        scales.append(scale)
        scale *= _PYRAMID_FACTOR
    return scales


def _in_batches(net: Net, crops: Array) -> list[Array]:
    """The net's outputs for crops, float32 RGB ``(N, S, S, 3)`` in [0, 255]; N may be 0."""
    outputs = [net(crops_to_input(crops[i : i + _BATCH])) for i in range(0, max(len(crops), 1), _BATCH)]
    return [np.concatenate(part) for part in zip(*outputs, strict=True)]


def _clip(boxes: Boxes, image_size: tuple[int, int]) -> Regions:
    """Whole pixels inside the image. MTCNN's boxes are inclusive and count pixels from 1."""
    boxes = boxes.astype(np.intp)
    return np.hstack([np.maximum(boxes[:, :2] - 1, 0), np.minimum(boxes[:, 2:], image_size)])


def _visible(boxes: Boxes, image_size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    clipped = _clip(boxes, image_size)
    return np.asarray((clipped[:, 2:] > clipped[:, :2]).all(axis=1))


def _detection(box: Array, score: np.float32, landmarks: Array) -> Detection:
    x1, y1, x2, y2 = box.tolist()
    left_eye, right_eye, nose, mouth_left, mouth_right = (tuple(point) for point in landmarks.tolist())
    return Detection(
        box=Box(x1, y1, x2 - x1, y2 - y1),
        confidence=min(float(score), 1.0),
        landmarks=Landmarks(left_eye, right_eye, nose, mouth_left, mouth_right),
    )
