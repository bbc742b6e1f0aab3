"""MTCNN (Zhang et al. 2016): an image pyramid through P-Net, then R-Net and O-Net on ever fewer candidates."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.config import DetectThresholds
from cv.engine.detect.area import AreaImage, Regions
from cv.engine.detect.boxes import Boxes, Scores, areas, nms, regress, strongest, to_squares
from cv.engine.detect.mipmap import Mipmap
from cv.engine.detect.pyramid import CELL, STRIDE, Tile, count_outputs, group_tiles, pyramid_scales
from cv.engine.sessions import Array, Net
from cv.engine.transforms import crops_to_input
from cv.engine.types import Box, Detection, Landmarks

_REFINE_PX, _OUTPUT_PX = 24, 48
# In pictures up to this side, faces down to this share of it are searched, whatever the options say: a thumbnail is
# mostly one face, and a close search costs little.
_THUMBNAIL_PX, _THUMBNAIL_SHARE = 200, 1 / 8
# Pictures of more pixels are not resampled exactly: it would take longer, and their faces are large enough.
_LARGE_PIXELS = 1_000_000
# The size of a net's batch: its intermediate results stay in the processor's cache.
_BATCH, _STRIP_PIXELS = 16, 40_000
# The most candidates of a scale, and of all scales together: about as many as a crowd of 1,000 faces has. A picture of
# 2,000 × 2,000 pixels tiled with small faces has thirty times as many, and would keep an engine busy for minutes.
_MOST = 10_000
# How many are cut out at once, while the nets process the previous ones.
_CUT = 64

Picture = AreaImage | Mipmap
# Columns and rows ``(N, 2)`` of P-Net's outputs, their scores ``(N,)`` and offsets ``(N, 4)``.
Cells = tuple[npt.NDArray[np.intp], Scores, Array]


@dataclass(frozen=True, slots=True)
class Detector:
    """The cascade. Thread-safe: it holds no state but the loaded nets.

    ``spread`` applies a function to many inputs and gives its outputs in their order: ``map``, or a thread pool's.
    """

    proposal_net: Net
    refine_net: Net
    output_net: Net
    thresholds: DetectThresholds
    spread: Callable[..., Any] = map

    def detect(self, image: Image.Image, min_face_px: float, max_faces: int) -> list[Detection]:
        """The faces of an RGB image, largest first, at most ``max_faces``, in its pixels.

        Smaller faces than ``min_face_px`` are searched only in a thumbnail.
        """
        shorter = min(image.size)
        if shorter <= _THUMBNAIL_PX:
            min_face_px = min(min_face_px, max(shorter * _THUMBNAIL_SHARE, CELL))
        return self.search(image, min_face_px, max_faces)

    def search(self, image: Image.Image, min_face_px: float, max_faces: int) -> list[Detection]:
        """As ``detect``, but never for smaller faces: a small part of a picture is no thumbnail."""
        is_large = image.width * image.height > _LARGE_PIXELS
        picture = Mipmap(image) if is_large else AreaImage(image)
        boxes = self._refine(picture, self._propose(picture, min_face_px))
        boxes, scores, landmarks = self._output(picture, boxes)
        largest = np.argsort(-areas(boxes), kind="stable")[:max_faces]
        return [_detection(boxes[i], scores[i], landmarks[i]) for i in largest]

    def _propose(self, image: Picture, min_face_px: float) -> Boxes:
        scales = pyramid_scales(min(image.size), min_face_px)
        if not scales:
            return np.empty((0, 4), np.float32)
        cells: list[list[Cells]] = [[] for _ in scales]
        for group in group_tiles(image.size, scales):
            for tile, found in zip(group, self._search(image, group), strict=True):
                cells[tile.level].append(found)
        levels = [self._candidates(parts, scale) for parts, scale in zip(cells, scales, strict=True)]
        boxes, scores, offsets = (np.concatenate(part) for part in zip(*levels, strict=True))
        best = strongest(scores, _MOST)
        boxes, scores, offsets = boxes[best], scores[best], offsets[best]
        kept = nms(boxes, scores, 0.7)
        return to_squares(regress(boxes[kept], offsets[kept], inclusive=False))

    def _search(self, image: Picture, tiles: list[Tile]) -> Iterator[Cells]:
        """The cells that P-Net finds in each tile."""
        strips = list(self.spread(lambda tile: _strips(image.resize(tile.width, tile.height, tile.window)), tiles))
        outputs = iter(self.spread(self.proposal_net, [strip for tile in strips for strip in tile]))
        for tile, parts in zip(tiles, strips, strict=True):
            whole = zip(*(next(outputs) for _ in parts), strict=True)
            probability, offsets = (np.concatenate(part, axis=-2)[0] for part in whole)
            rows, columns = np.nonzero(probability >= self.thresholds.proposal)
            best = strongest(probability[rows, columns], _MOST)
            rows, columns = rows[best], columns[best]
            places = np.stack([columns + tile.left, rows + tile.top], axis=1)
            yield places, probability[rows, columns], offsets[:, rows, columns].T

    def _candidates(self, parts: list[Cells], scale: float) -> tuple[Boxes, Scores, Array]:
        """The candidates of one scale, from the cells that P-Net found in its tiles."""
        places, scores, offsets = (np.concatenate(part) for part in zip(*parts, strict=True))
        best = strongest(scores, _MOST)
        places, scores, offsets = places[best], scores[best], offsets[best]
        corners = places.astype(np.float32) * STRIDE + 1
        boxes = np.floor(np.hstack([corners, corners + CELL - 1]) / np.float32(scale))
        kept = nms(boxes, scores, 0.5)
        return boxes[kept], scores[kept], offsets[kept]

    def _refine(self, image: Picture, boxes: Boxes) -> Boxes:
        boxes = _inside(boxes, image.size)
        scores, offsets = self._run_on_boxes(image, boxes, self.refine_net, _REFINE_PX)
        passed = scores > self.thresholds.refine
        boxes, scores, offsets = boxes[passed], scores[passed], offsets[passed]
        kept = nms(boxes, scores, 0.7)
        return to_squares(regress(boxes[kept], offsets[kept], inclusive=True))

    def _output(self, image: Picture, boxes: Boxes) -> tuple[Boxes, Scores, Array]:
        """Boxes ``(N, 4)``, scores ``(N,)`` and landmarks ``(N, 5, 2)``."""
        boxes = _inside(boxes, image.size)
        scores, offsets, points = self._run_on_boxes(image, boxes, self.output_net, _OUTPUT_PX)
        passed = scores > self.thresholds.output
        boxes, scores, offsets, points = boxes[passed], scores[passed], offsets[passed], points[passed]
        fractions = points.reshape(-1, 2, 5).transpose(0, 2, 1)
        size = boxes[:, None, 2:] - boxes[:, None, :2] + 1
        landmarks = boxes[:, None, :2] + fractions * size - 1
        boxes = regress(boxes, offsets, inclusive=True)
        kept = nms(boxes, scores, 0.7, over_smaller=True)
        return boxes[kept], scores[kept], landmarks[kept]

    def _run_on_boxes(self, image: Picture, boxes: Boxes, net: Net, size: int) -> list[Array]:
        """The net's outputs for the boxes ``(N, 4)``, cut out at ``size``; N may be 0."""
        regions = _clip(boxes, image.size)

        def batches() -> Iterator[Array]:
            for cut in _parts(regions, _CUT):
                yield from _parts(crops_to_input(image.crops(cut, size)), _BATCH)

        return [np.concatenate(part) for part in zip(*self.spread(net, batches()), strict=True)]


def _strips(pixels: Array) -> list[Array]:
    """RGB ``(3, H, W)`` in [0, 255] as P-Net's inputs, in strips that overlap by a cell; together they give the same
    outputs."""
    level = crops_to_input(pixels[None])
    rows = max(_STRIP_PIXELS // level.shape[3] // STRIDE, 1)
    edges = range(0, count_outputs(level.shape[2]), rows)
    return [np.ascontiguousarray(level[:, :, top * STRIDE : (top + rows) * STRIDE + CELL - STRIDE]) for top in edges]


def _parts(rows: npt.NDArray[Any], count: int) -> list[npt.NDArray[Any]]:
    """``count`` rows at a time; one empty part if there are no rows."""
    return [rows[i : i + count] for i in range(0, max(len(rows), 1), count)]


def _clip(boxes: Boxes, image_size: tuple[int, int]) -> Regions:
    """Whole pixels inside the image. MTCNN's boxes are inclusive and count pixels from 1."""
    boxes = boxes.astype(np.intp)
    return np.hstack([np.maximum(boxes[:, :2] - 1, 0), np.minimum(boxes[:, 2:], image_size)])


def _inside(boxes: Boxes, image_size: tuple[int, int]) -> Boxes:
    """Clips the boxes to the image, without those that lie outside.

    A net's outputs refer to the pixels that it sees. facenet-pytorch applies them to the whole box: if the box
    crosses the picture's edge, the landmarks are off by a third of the distance between the eyes.
    """
    pixels = _clip(boxes, image_size)
    visible = (pixels[:, 2:] > pixels[:, :2]).all(axis=1)
    return np.clip(boxes[visible], np.float32(1), np.array(image_size * 2, np.float32))


def _detection(box: Array, score: np.float32, landmarks: Array) -> Detection:
    x1, y1, x2, y2 = box.tolist()
    return Detection(
        box=Box(x1, y1, x2 - x1, y2 - y1),
        confidence=min(float(score), 1.0),
        landmarks=Landmarks(*((x, y) for x, y in landmarks.tolist())),
    )
