"""Kept pictures lose their position, device, comments, thumbnails, and bytes after the image."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from rest_framework.test import APIClient

from cv.engine.config import DecodeLimits
from cv.engine.decode import decode
from cv.engine.stripping import without_metadata
from cv.models import Analysis

LIMITS = DecodeLimits()
ORIENTATION, MAKE, GPS = 0x0112, 0x010F, 0x8825
SECRET = b"Maker of cameras"


def tagged_exif(orientation: int = 1) -> bytes:
    """EXIF with the camera's maker and a position: 31° 14′ 20″ N."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[MAKE] = SECRET.decode()
    exif.get_ifd(GPS).update({1: "N", 2: (31.0, 14.0, 20.0), 3: "E", 4: (121.0, 28.0, 10.0)})
    return exif.tobytes()


def stripped(data: bytes, limits: DecodeLimits = LIMITS) -> tuple[str, bytes]:
    picture = without_metadata(data, limits)
    return picture.suffix, picture.data


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data, LIMITS, 12).pixels)


def saved(image: bytes, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(image)).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def assert_bare(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        assert set(exif) <= {ORIENTATION}
        assert dict(exif.get_ifd(GPS)) == {}
        assert not {"comment", "xmp", "photoshop", "Comment"} & set(image.info)
    assert SECRET not in data
    assert b"31/1" not in data


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_loses_its_position_and_keeps_every_pixel_upright(grace_hopper: bytes, orientation: int) -> None:
    tagged = saved(grace_hopper, "JPEG", exif=tagged_exif(orientation), comment=SECRET, quality=90)
    with Image.open(io.BytesIO(tagged)) as image:
        assert image.getexif().get_ifd(GPS)[2] == (31.0, 14.0, 20.0)
    suffix, kept = stripped(tagged)
    assert suffix == ".jpg"
    assert_bare(kept)
    assert np.array_equal(pixels(kept), pixels(tagged))
    # The compressed data are the same: they were not re-encoded.
    scan = tagged[tagged.index(b"\xff\xda") :]
    assert kept.endswith(scan)


def test_an_orientation_that_means_nothing_is_not_kept(grace_hopper: bytes) -> None:
    """A number of four bytes, although the standard has eight values of two bytes."""
    entry = struct.pack(">HHII", ORIENTATION, 4, 1, 70_000)
    odd = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + bytes(4)
    tagged = saved(grace_hopper, "JPEG", exif=odd, quality=90)
    suffix, kept = stripped(tagged)
    assert suffix == ".jpg"
    assert dict(Image.open(io.BytesIO(kept)).getexif()) == {}
    assert np.array_equal(pixels(kept), pixels(tagged))


def test_progressive_jpeg_with_restarts_keeps_every_scan(grace_hopper: bytes) -> None:
    tagged = saved(grace_hopper, "JPEG", exif=tagged_exif(), progressive=True, restart_marker_rows=1)
    _, kept = stripped(tagged)
    assert_bare(kept)
    assert np.array_equal(pixels(kept), pixels(tagged))


def test_what_stands_behind_a_jpeg_is_not_kept(grace_hopper: bytes) -> None:
    _, kept = stripped(grace_hopper + b"PK\x03\x04" + SECRET)
    assert_bare(kept)
    assert kept.endswith(b"\xff\xd9")


def test_jpeg_thumbnail_of_its_first_segment_is_not_kept(grace_hopper: bytes) -> None:
    plain = saved(grace_hopper, "JPEG")
    thumbnail = b"JFIF\0\x01\x01\0\0\x01\0\x01\x04\x04" + SECRET * 3
    head = b"\xff\xe0" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    _, kept = stripped(plain[:2] + head + plain[20:])
    assert_bare(kept)
    assert np.array_equal(pixels(kept), pixels(plain))


def test_png_keeps_its_pixels_to_the_bit_and_loses_its_texts(astronaut: bytes) -> None:
    info = PngInfo()
    info.add_text("Comment", SECRET.decode())
    info.add_itxt("Location", SECRET.decode())
    tagged = saved(astronaut, "PNG", pnginfo=info, exif=tagged_exif()) + SECRET
    suffix, kept = stripped(tagged)
    assert suffix == ".png"
    assert_bare(kept)
    assert np.array_equal(pixels(kept), pixels(astronaut))


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "TIFF", "GIF", "BMP", "HEIF"])
def test_other_formats_are_kept_as_the_pixels_that_the_engine_saw(astronaut: bytes, kind: str) -> None:
    options = {} if kind in ("GIF", "BMP") else {"exif": tagged_exif(6)}
    tagged = saved(astronaut, kind, **options)
    suffix, kept = stripped(tagged)
    assert suffix == ".png"
    assert_bare(kept)
    assert np.array_equal(pixels(kept), pixels(tagged))


def test_turned_png_is_kept_upright(astronaut: bytes) -> None:
    tagged = saved(astronaut, "PNG", exif=tagged_exif(6))
    suffix, kept = stripped(tagged)
    assert suffix == ".png"
    assert_bare(kept)
    assert np.array_equal(pixels(kept), pixels(tagged))


def test_picture_too_large_as_png_is_kept_as_jpeg(astronaut: bytes) -> None:
    suffix, kept = stripped(saved(astronaut, "WEBP"), DecodeLimits(max_bytes=200_000))
    assert (suffix, Image.open(io.BytesIO(kept)).format) == (".jpg", "JPEG")
    assert len(kept) <= 200_000


def test_position_of_an_uploaded_photo_reaches_neither_disk_nor_row_nor_answer(
    api: APIClient, grace_hopper: bytes, pictures: Path
) -> None:
    tagged = saved(grace_hopper, "JPEG", exif=tagged_exif(6), comment=SECRET)
    file = io.BytesIO(tagged)
    file.name = "31.2389N-121.4694E.jpg"
    answer = api.post("/api/v1/analyses", {"image": file, "store.image": "true"}, format="multipart")
    assert answer.status_code == 201
    (kept,) = [path for path in pictures.rglob("*") if path.is_file()]
    assert_bare(kept.read_bytes())
    assert "31.2389" not in str(kept)
    row = Analysis.objects.values().get()
    assert not any("31" in str(value) and "121" in str(value) for value in row.values() if isinstance(value, str))
    # It stands upright: the turned photo is higher than wide, as the answer says.
    shown = pixels(kept.read_bytes())
    assert answer.json()["image"]["height"] == shown.shape[0]


def test_only_an_engine_decodes_a_picture_that_is_kept(
    api: APIClient, astronaut: bytes, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A WebP is re-encoded, which needs its pixels; this process stands for the web server."""
    tagged = saved(astronaut, "WEBP", exif=tagged_exif(6), lossless=True)
    expected = pixels(tagged)

    def decoded_here(*_: object, **__: object) -> None:
        raise AssertionError("the web server opened a picture")

    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", decoded_here)
        file = io.BytesIO(tagged)
        file.name = "photo.webp"
        answer = api.post("/api/v1/analyses", {"image": file, "store.image": "true"}, format="multipart")
    assert answer.status_code == 201
    (kept,) = [path for path in pictures.rglob("*") if path.is_file()]
    assert kept.suffix == ".png"
    assert_bare(kept.read_bytes())
    assert np.array_equal(pixels(kept.read_bytes()), expected)
