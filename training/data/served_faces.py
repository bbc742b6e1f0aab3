"""Keeps the largest face of each picture of a table, as it is served, so that the next weights need not find it again.

Finding a face costs four times what describing it does. Chips and detections stay right as long as the table, the
detector and the alignment do; the folder can be deleted at any time.
"""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cv.engine.config import EngineConfig
from cv.engine.detect import Detector
from cv.engine.types import Box, Detection, Landmarks
from training.data.chips import Crop, LargestFace, digest_sources, find_largest_faces
from training.data.labels import Row
from training.data.tables import rows


@dataclass(frozen=True, slots=True)
class FaceCache:
    """Faces found by the detector of ``config``, in a folder."""

    folder: Path
    config: EngineConfig

    def find_largest_faces(
        self, detector: Detector, table: Path, split: str | None, limit: int | None, size: int
    ) -> Iterator[tuple[Row, LargestFace | None]]:
        """Gives what ``chips.find_largest_faces`` does, from the folder if it has them.

        A call that is interrupted leaves nothing behind that is read. Raises OSError or ValueError if the table cannot
        be read.
        """
        sources = digest_sources(table, self.config, Crop(size, margin=0))
        stem = self.folder / f"{table.stem}-{split or 'all'}-{limit or 'whole'}-{sources}"
        chips_file, faces_file = stem.with_suffix(".npy"), stem.with_suffix(".json")
        if not faces_file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            found = list(find_largest_faces(detector, table, rows(table, split, limit), size))
            np.save(chips_file, np.array([face.chip for _, face in found if face], dtype=np.uint8))
            part = faces_file.with_suffix(".part")
            part.write_text(json.dumps([(row, _to_json(face)) for row, face in found], default=_plain), "utf-8")
            part.rename(faces_file)
        chips = iter(np.load(chips_file, mmap_mode="r"))
        for row, face in json.loads(faces_file.read_text("utf-8")):
            yield row, None if face is None else _from_json(face, next(chips))


def _plain(value: Any) -> Any:
    """Bytes of a further picture, such as a mask, are of no use here."""
    return None if isinstance(value, bytes) else float(value)


def _to_json(face: LargestFace | None) -> dict[str, Any] | None:
    if face is None:
        return None
    return {
        "detection": dataclasses.asdict(face.detection) if face.detection else None,
        "image_size": face.image_size,
    }


def _from_json(face: dict[str, Any], chip: npt.NDArray[np.uint8]) -> LargestFace:
    width, height = face["image_size"]
    known = face["detection"]
    if known is None:
        return LargestFace(chip, None, (width, height))
    landmarks = Landmarks(**{name: tuple(point) for name, point in known["landmarks"].items()})
    detection = Detection(Box(**known["box"]), known["confidence"], landmarks)
    return LargestFace(chip, detection, (width, height))
