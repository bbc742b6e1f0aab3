"""Decodes an untrusted image file to upright RGB pixels, within limits."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pillow_heif
from PIL import Image, ImageFile, UnidentifiedImageError

from cv.engine.config import DecodeLimits
from cv.engine.directory import raw_format, read_directory, read_orientation
from cv.engine.errors import ImageTooExpensive, ImageTooLarge, UndecodableImage, UnsupportedMediaType
from cv.engine.jpeg import JpegSource, Structure, read_structure

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "HEIF")

# The limit below is checked on every header before a pixel is decoded; Pillow's own would warn or raise first.
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()

# A reduced JPEG keeps this much on its long side, and the smallest face asked for keeps this many pixels.
REDUCED_LONG_SIDE = 1600
REDUCED_FACE_PX = 20
# If a file begins like this and cannot be opened, it is damaged, not of another format.
_SIGNATURES: Final = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
# A PNG of 20 MB with small chunks has 2,500 chunks of pixels; each takes a few microseconds of Python.
_MOST_CHUNKS: Final = 50_000
# The transposition that undoes each EXIF orientation.
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Depths that cameras and scanners store in 16 bits.
_DEPTHS: Final = (8, 10, 12, 14, 16)
# Their decoders take 15 or 16 bytes a pixel; others take 8.
_MOST_PIXELS: Final = {"WEBP": 50_000_000, "AVIF": 50_000_000, "HEIF": 50_000_000}
# The largest colour profile that is kept, in bytes; usual ones have up to 600 kB.
_MOST_PROFILE: Final = 2**20
# Pixels converted at once: the intermediate copies take as much memory as the pixels themselves.
_BAND_PIXELS: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """``pixels`` is RGB, upright, and ``scale`` ≤ 1 times the full size of ``width`` × ``height``. ``kind`` is Pillow's
    name of the format, ``profile`` the ICC profile of the pixels, or empty."""

    pixels: Image.Image
    width: int
    height: int
    scale: float
    sha256: str
    kind: str
    profile: bytes


def decode(data: bytes, limits: DecodeLimits, min_face_px: int, *, reduce: bool = True) -> DecodedImage:
    """Decodes JPEG, PNG, WebP, AVIF, BMP, GIF and TIFF (first frame) and HEIC; applies the EXIF orientation.

    Transparency is laid on white, 16 bits are scaled to 8, and a JPEG much larger than faces of
    ``min_face_px`` need is decoded at 1/2, 1/4 or 1/8, unless told not to ``reduce``.

    Raises ImageTooLarge and ImageTooExpensive (before any pixel is decoded), UnsupportedMediaType, UndecodableImage.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"the image has {len(data):,} bytes; the limit is {limits.max_bytes:,}")
    try:
        image, structure = _open(data, limits)
        full_size = image.size
        is_reduced = reduce and _draft(image, min_face_px)
        _load(image, structure)
        # Pillow turns a TIFF itself.
        turn = None if image.format == "TIFF" else _UPRIGHT.get(read_orientation(image.info.get("exif")))
        kind, profile = image.format or "", _rgb_profile(image)
        pixels = _to_rgb(image)
        del image
        upright = pixels if turn is None else pixels.transpose(turn)
        if not is_reduced:
            full_size = upright.size
        elif upright.size != pixels.size:
            full_size = full_size[::-1]
    except (ImageTooLarge, ImageTooExpensive, UnsupportedMediaType, UndecodableImage):
        raise
    except MemoryError as error:
        raise ImageTooExpensive("the image takes more memory than one image may") from error
    # Given untrusted data, decoders raise many kinds of errors: OSError, SyntaxError, struct.error, ValueError…
    # All mean the same to the client.
    except Exception as error:
        raise UndecodableImage(f"the image cannot be decoded: {error}") from error
    return DecodedImage(
        pixels=upright,
        width=full_size[0],
        height=full_size[1],
        scale=upright.width / full_size[0],
        sha256=hashlib.sha256(data).hexdigest(),
        kind=kind,
        profile=profile,
    )


def open_image(data: bytes) -> tuple[ImageFile.ImageFile, Structure | None]:
    """The image with its header read, and the structure of a JPEG. Raises as ``decode`` does, and as Pillow does."""
    if name := raw_format(data):
        raise UnsupportedMediaType(f"a camera's raw file ({name}); send the JPEG or HEIC that was made of it")
    structure = read_structure(data) if data.startswith(b"\xff\xd8\xff") else None
    directory = read_directory(structure.exif if structure else data)
    if directory and directory.is_overfull(len(data)):
        raise ImageTooExpensive("the tags of the image name far more bytes than it has")
    if data.startswith(b"\x89PNG") and _has_too_many_chunks(data):
        raise ImageTooExpensive(f"the PNG has more than {_MOST_CHUNKS:,} chunks")
    try:
        return Image.open(JpegSource(data) if structure else io.BytesIO(data), formats=FORMATS), structure
    except UnidentifiedImageError as error:
        for signature, kind in _SIGNATURES.items():
            if data.startswith(signature):
                raise UndecodableImage(f"the {kind} is damaged: its header cannot be read") from error
        raise UnsupportedMediaType("not a JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF or HEIC image") from error


def _open(data: bytes, limits: DecodeLimits) -> tuple[ImageFile.ImageFile, Structure | None]:
    image, structure = open_image(data)
    pixels = image.width * image.height
    most = min(limits.max_pixels, _MOST_PIXELS.get(image.format or "", limits.max_pixels))
    if pixels > most:
        raise ImageTooLarge(f"the image has {image.width} × {image.height} pixels; the limit is {most:,} in all")
    if image.mode in ("I", "F"):
        raise UndecodableImage(f"pixels of type {image.mode} have no known range")
    # Pillow would turn a TIFF by what XMP says; browsers go by EXIF alone, and editors leave XMP behind.
    image.info.pop("xmp", None)
    return image, structure


def _has_too_many_chunks(data: bytes) -> bool:
    at = 8
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return False
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return True


def _draft(image: ImageFile.ImageFile, min_face_px: int) -> bool:
    """Lets libjpeg decode at a reduced size if the faces asked for allow it. Returns whether it will."""
    shrink = min(max(image.size) / REDUCED_LONG_SIDE, min_face_px / REDUCED_FACE_PX)
    if shrink < 2:
        return False
    return image.draft("RGB", (int(image.width / shrink), int(image.height / shrink))) is not None


def _load(image: ImageFile.ImageFile, structure: Structure | None) -> None:
    if structure is not None and isinstance(image.fp, JpegSource):
        image.fp.load(image, structure)
    else:
        image.load()
        # The decoders of WebP and AVIF hold one or two more copies of the picture.
        vars(image).pop("_decoder", None)


def _rgb_profile(image: ImageFile.ImageFile) -> bytes:
    """Profiles of other colours than RGB do not fit the pixels that are given out."""
    profile = image.info.get("icc_profile") or b""
    fits = isinstance(profile, bytes) and profile[16:20] == b"RGB " and len(profile) <= _MOST_PROFILE
    return profile if fits else b""


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    shift = _depth(image) - 8 if image.mode.startswith("I;16") else 0
    if image.width * image.height <= _BAND_PIXELS:
        return _band_to_rgb(image, shift)
    result = Image.new("RGB", image.size)
    for top, band in _bands(image):
        result.paste(_band_to_rgb(band, shift), (0, top))
    return result


def _band_to_rgb(image: Image.Image, shift: int) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image, dtype=np.uint16) >> shift).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def _depth(image: Image.Image) -> int:
    """The bits that a 16-bit image uses: sensors of 12 bits leave the upper four empty."""
    used = max(int(np.asarray(band, dtype=np.uint16).max()) for _, band in _bands(image)).bit_length()
    return next(depth for depth in _DEPTHS if used <= depth)


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """The horizontal bands of an image: the row at which each starts, and its pixels."""
    rows = max(_BAND_PIXELS // image.width, 1)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
