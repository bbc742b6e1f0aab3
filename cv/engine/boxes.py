"""Arithmetic on many boxes at once: float32 ``(N, 4)`` xyxy in pixels."""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]


def areas(boxes: Boxes) -> npt.NDArray[np.float32]:
    """``(N,)`` square pixels."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def nms(boxes: Boxes, scores: Scores, threshold: float, *, over_smaller: bool = False) -> npt.NDArray[np.intp]:
    """Indices of the boxes kept by greedy non-maximum suppression, best score first.

    A box falls where its overlap with a better one exceeds ``threshold``; the overlap is the intersection over
    the union or, ``over_smaller``, over the smaller of the two boxes (as MTCNN's last stage has it).
    """
    order = np.argsort(-scores, kind="stable")
    x1, y1, x2, y2 = boxes[order].T
    area = areas(boxes[order])
    alive = np.ones(len(order), dtype=bool)
    kept = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(order[i])
        width = np.minimum(x2[i], x2[i + 1 :]) - np.maximum(x1[i], x1[i + 1 :])
        height = np.minimum(y2[i], y2[i + 1 :]) - np.maximum(y1[i], y1[i + 1 :])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        whole = np.minimum(area[i], area[i + 1 :]) if over_smaller else area[i] + area[i + 1 :] - shared
        alive[i + 1 :] &= shared <= threshold * whole
    return np.array(kept, dtype=np.intp)


def regress(boxes: Boxes, offsets: npt.NDArray[np.float32], *, inclusive: bool) -> Boxes:
    """Moves every side by its offset, a fraction of the box's width (x) or height (y).

    ``inclusive`` boxes count their last pixel, as those of MTCNN's second and third stage do.
    """
    size = boxes[:, 2:] - boxes[:, :2] + np.float32(inclusive)
    return boxes + offsets * np.tile(size, 2)


def to_squares(boxes: Boxes) -> Boxes:
    """Grows the shorter side about the centre until the box is square."""
    size = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + size / 2
    half = size.max(axis=1, keepdims=True) / 2
    return np.hstack([centre - half, centre + half])
