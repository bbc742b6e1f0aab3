"""Reads the photos that a benchmark runs on."""

import io
from pathlib import Path

from PIL import Image, ImageOps
from tqdm import tqdm

from cv.engine.config import DecodeLimits
from cv.engine.decode import decode
from cv.engine.errors import EngineError
from cv.engine.types import AnalysisOptions


def read_photos(folder: Path, max_side: int | None) -> list[bytes]:
    """Every image under a folder as encoded bytes; if ``max_side`` is given, larger ones shrunk to it as JPEG.

    Raises SystemExit if there is none.
    """
    photos = [photo for path in sorted(folder.rglob("*")) if path.is_file() and (photo := _read(path, max_side))]
    if not photos:
        raise SystemExit(f"no photo in {folder}")
    return photos


def _read(path: Path, max_side: int | None) -> bytes | None:
    data = path.read_bytes()
    try:
        decode(data, DecodeLimits(), AnalysisOptions().min_face_px)
    except EngineError as error:
        tqdm.write(f"{path.name} left out: {error}")
        return None
    if max_side is None:
        return data
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
        upright.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        upright.save(file, "JPEG", quality=90)
    return file.getvalue()
