"""Bytes of an image file, from anyone, to upright RGB pixels, within limits."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from cv.engine.config import DecodeLimits
from cv.engine.errors import ImageTooLarge, UndecodableImage, UnsupportedMediaType

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "HEIF")

# The limit below is checked on every header before a pixel is decoded; Pillow's own would warn or raise first.
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()

# A reduced JPEG keeps this much on its long side, and the smallest face asked for keeps this many pixels.
REDUCED_LONG_SIDE = 1600
REDUCED_FACE_PX = 20


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """``pixels`` is RGB, upright, and ``scale`` ≤ 1 times the full size of ``width`` × ``height``."""

    pixels: Image.Image
    width: int
    height: int
    scale: float
    sha256: str


def decode(data: bytes, limits: DecodeLimits, min_face_px: int) -> DecodedImage:
    """Decodes JPEG, PNG, WebP, BMP, GIF and TIFF (first frame) and HEIC; applies the EXIF orientation.

    Transparency is laid on white, 16 bits are scaled to 8, and a JPEG much larger than faces of
    ``min_face_px`` need is decoded at 1/2, 1/4 or 1/8.

    Raises ImageTooLarge (before any pixel is decoded), UnsupportedMediaType, UndecodableImage.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"the image has {len(data):,} bytes; the limit is {limits.max_bytes:,}")
    image = _open(data)
    if image.width * image.height > limits.max_pixels:
        raise ImageTooLarge(
            f"the image has {image.width} × {image.height} pixels; the limit is {limits.max_pixels:,} in all"
        )
    full_size = image.size
    try:
        reduced = _draft(image, min_face_px)
        image.load()
        upright = ImageOps.exif_transpose(image)
        if not reduced:
            full_size = upright.size
        elif upright.size != image.size:
            full_size = full_size[::-1]
        pixels = _to_rgb(upright)
    # A decoder fed by strangers fails in as many ways as it has authors: OSError, SyntaxError, struct.error,
    # ValueError, MemoryError… and each of them means the same to the sender.
    except Exception as error:
        raise UndecodableImage(f"the image cannot be decoded: {error}") from error
    return DecodedImage(
        pixels=pixels,
        width=full_size[0],
        height=full_size[1],
        scale=upright.width / full_size[0],
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnsupportedMediaType("not a JPEG, PNG, WebP, BMP, GIF, TIFF or HEIC image") from error
    except Exception as error:
        raise UndecodableImage(f"the image's header cannot be read: {error}") from error


def _draft(image: Image.Image, min_face_px: int) -> bool:
    """Lets libjpeg skip the pixels that no face asked for needs. False for other formats and small images."""
    shrink = min(max(image.size) / REDUCED_LONG_SIDE, min_face_px / REDUCED_FACE_PX)
    if shrink < 2:
        return False
    return image.draft("RGB", (int(image.width / shrink), int(image.height / shrink))) is not None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise UndecodableImage(f"pixels of type {image.mode} have no known range")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")
