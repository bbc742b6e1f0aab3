"""Scores detection: the served boxes against photos in which every face is labelled."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from cv.engine.errors import EngineError
from cv.engine.pipeline import Engine
from cv.engine.types import MAX_FACES_RANGE, AnalysisOptions
from training.data.labels import Row
from training.measure.metrics import expected_calibration_error

MIN_FACE_PX = 20
# Lowest overlap of an answer that finds a labelled face; below the second one an answer is a false face.
FOUND_IOU, FALSE_IOU = 0.5, 0.3

Floats = npt.NDArray[np.float64]


def score_detection(engine: Engine, numbered: Iterable[tuple[int, Row]]) -> dict[str, float]:
    """Scores rows with ``image`` and ``boxes`` (x0 y0 x1 y1 of every face in pixels); unreadable rows are left out.

    ``recall`` and ``precision`` are of all answers, ``ap`` is the area under their curve, ``false_faces`` the share of
    answers that hardly overlap with any face. ``confidence_ece`` is the calibration error of their confidence as the
    probability of being no false face. Raises ValueError if no readable row has a face.
    """
    options = AnalysisOptions(attributes=frozenset(), min_face_px=MIN_FACE_PX, max_faces=MAX_FACES_RANGE[1])
    hits: list[bool] = []
    confidences: list[float] = []
    best: list[float] = []
    faces = 0
    for _, row in tqdm(numbered, desc="boxes", unit="img"):
        try:
            answers = engine.analyze(row["image"] or b"", options).faces
        except EngineError:
            continue
        labelled = np.asarray(row["boxes"] or [], dtype=np.float64).reshape(-1, 4)
        found = [(f.box.x, f.box.y, f.box.x + f.box.width, f.box.y + f.box.height) for f in answers]
        overlaps = intersect_over_union(np.asarray(found, dtype=np.float64).reshape(-1, 4), labelled)
        sure = [answer.confidence for answer in answers]
        faces += len(labelled)
        hits += match_greedily(overlaps, sure)
        confidences += sure
        best += overlaps.max(axis=1, initial=0).tolist()
    if not faces:
        raise ValueError("no readable row has a labelled box")
    return {
        "faces": faces,
        "answers": len(hits),
        "recall": round(sum(hits) / faces, 4),
        "precision": round(sum(hits) / len(hits), 4) if hits else 0.0,
        "ap": round(average_precision(hits, confidences, faces), 4),
        "false_faces": round(float((np.asarray(best) < FALSE_IOU).mean()), 4) if best else 0.0,
        "confidence_ece": round(confidence_error(confidences, best), 4),
    }


def confidence_error(confidences: list[float], best_overlaps: list[float]) -> float:
    """Calibration error of the confidence that an answer is no false face; 0 without answers."""
    if not confidences:
        return 0.0
    sure = np.asarray(confidences)
    return expected_calibration_error(
        np.stack([1 - sure, sure], axis=1), (np.asarray(best_overlaps) >= FALSE_IOU).astype(np.int64)
    )


def intersect_over_union(boxes: Floats, others: Floats) -> Floats:
    """xyxy ``(N, 4)`` and ``(M, 4)`` → overlaps ``(N, M)`` in [0, 1]."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas, other_areas = ((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (boxes, others))
    union = areas[:, None] + other_areas[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float64)


def match_greedily(overlaps: Floats, confidences: list[float]) -> list[bool]:
    """Whether each answer finds a face, by overlaps ``(N, M)``: the most confident answer takes its face first."""
    free = overlaps.copy()
    hits = [False] * len(confidences)
    for i in sorted(range(len(hits)), key=lambda i: -confidences[i]):
        if free.shape[1] and free[i].max() >= FOUND_IOU:
            hits[i] = True
            free[:, free[i].argmax()] = -1
    return hits


def average_precision(hits: list[bool], confidences: list[float], faces: int) -> float:
    """Area under the precision-recall curve, precision made monotonic (PASCAL VOC 2010, all points)."""
    if not hits:
        return 0.0
    right = np.asarray(hits)[np.argsort(-np.asarray(confidences), kind="stable")]
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(falling[right].sum() / faces)
