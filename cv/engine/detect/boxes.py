"""Arithmetic on many boxes at once: float32 ``(N, 4)`` xyxy in pixels."""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]

# How many of the best boxes are compared with all others at once: few calls, and a matrix that fits the cache.
_BLOCK = 64


def areas(boxes: Boxes) -> npt.NDArray[np.float32]:
    """``(N,)`` square pixels."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def strongest(scores: Scores, most: int) -> npt.NDArray[np.intp]:
    """Indices of the ``most`` best scores in their original order; of all scores if there are fewer."""
    if len(scores) <= most:
        return np.arange(len(scores))
    return np.sort(np.argpartition(-scores, most)[:most])


def nms(boxes: Boxes, scores: Scores, threshold: float, *, over_smaller: bool = False) -> npt.NDArray[np.intp]:
    """Indices of the boxes kept by greedy non-maximum suppression, best score first.

    A box is removed if its overlap with a better one exceeds ``threshold``; the overlap is the intersection over
    the union or, ``over_smaller``, over the smaller of the two boxes (as MTCNN's last stage has it).
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best = order[:_BLOCK]
        apart = _apart(boxes[best], boxes[order], threshold, over_smaller)
        alive = np.ones(len(order), dtype=bool)
        for i, box in enumerate(best):
            if alive[i]:
                kept.append(box)
                alive &= apart[i]
        order = order[_BLOCK:][alive[_BLOCK:]]
    return np.array(kept, dtype=np.intp)


def _apart(some: Boxes, others: Boxes, threshold: float, over_smaller: bool) -> npt.NDArray[np.bool_]:
    """Whether each of ``some`` (N) and each of ``others`` (M) may both stay, ``(N, M)``."""
    # One array per side, not per box: NumPy is several times as fast on contiguous numbers.
    left, top, right, bottom = np.ascontiguousarray(some.T)[:, :, None]
    other_left, other_top, other_right, other_bottom = np.ascontiguousarray(others.T)
    shared = np.minimum(right, other_right)
    shared -= np.maximum(left, other_left)
    np.maximum(shared, 0, out=shared)
    height = np.minimum(bottom, other_bottom)
    height -= np.maximum(top, other_top)
    # If the boxes do not overlap, the width is 0 or the height is not positive, so the product is not positive.
    shared *= height
    one, other = areas(some)[:, None], areas(others)[None]
    whole = np.minimum(one, other) if over_smaller else one + other - shared
    return np.asarray(shared <= threshold * whole)


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
