"""Files that are small but expensive to decode are refused by their header; accepted files have bounded costs."""

import io
import itertools
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cv.engine.config import DecodeLimits
from cv.engine.decode import decode
from cv.engine.detect import Detector, pyramid
from cv.engine.detect.mipmap import Mipmap
from cv.engine.errors import EngineError, ImageTooExpensive, ImageTooLarge
from cv.engine.jpeg import MOST_SCANS

ROOT = Path(__file__).resolve().parents[3]
LIMITS = DecodeLimits()


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def jpeg_of_scans(count: int, side: int = 800) -> bytes:
    """A progressive JPEG of one grey component: a scan of DC, then scans that say `end of band` for every block."""

    def table(kind: int, symbol: int) -> bytes:
        return b"\xff\xc4" + struct.pack(">H", 20) + bytes([kind, 1] + [0] * 15 + [symbol])

    blocks = (side // 8) ** 2
    head = b"\xff\xd8\xff\xdb\x00\x43\x00" + bytes([1] * 64)
    head += b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, side, side, 1) + bytes([1, 0x11, 0])
    head += table(0x00, 0) + table(0x10, 0xE0)
    first = b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00" + bytes(-(-blocks // 8))
    bits = "0" + format(blocks - 16384 if blocks > 16384 else 0, "014b")
    bits += "1" * (-len(bits) % 8)
    empty = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    return head + first + empty * (count - 1) + b"\xff\xd9"


def tiff_of_tags(order: str = "<") -> bytes:
    """A TIFF with 20,000 tags that all refer to the same hundred kilobytes."""
    count, size = 20_000, 100_000
    entries = b"".join(struct.pack(order + "HHII", 1000 + tag, 1, size, 8) for tag in range(count))
    return b"II*\0" + struct.pack("<I", 8 + size) + bytes(size) + struct.pack("<H", count) + entries + bytes(4)


def jpeg_of_exif() -> bytes:
    segments = [tiff_of_tags()[i : i + 65_000] for i in range(0, len(tiff_of_tags()), 65_000)]
    exif = b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 8) + b"Exif\0\0" + part for part in segments)
    plain = encoded(Image.new("RGB", (64, 64)), "JPEG")
    return plain[:2] + exif + plain[2:]


def jpeg_of_segments() -> bytes:
    plain = encoded(Image.new("RGB", (64, 64)), "JPEG")
    return plain[:2] + b"\xff\xfe\x00\x02" * 200_000 + plain[2:]


def png_of_chunks() -> bytes:
    plain = encoded(Image.new("RGB", (64, 64)), "PNG")
    chunk = struct.pack(">I", 0) + b"teSt" + struct.pack(">I", zlib.crc32(b"teSt"))
    return plain[:33] + chunk * 200_000 + plain[33:]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: jpeg_of_scans(MOST_SCANS + 1), "more than 500 scans"),
        (jpeg_of_segments, "more than 5,000 segments"),
        (jpeg_of_exif, "tags"),
        (tiff_of_tags, "tags"),
        (png_of_chunks, "more than 50,000 chunks"),
    ],
)
def test_what_only_an_attacker_writes_is_refused_at_once(make: Callable[[], bytes], why: str) -> None:
    data = make()
    with pytest.raises(ImageTooExpensive, match=why):
        decode(data, LIMITS, 40)


def test_as_many_scans_as_may_be_are_decoded() -> None:
    assert decode(jpeg_of_scans(MOST_SCANS), LIMITS, 40).width == 800


def test_scans_inside_of_a_tiff_are_bounded_too() -> None:
    """libtiff itself takes no more than a hundred."""
    bomb = jpeg_of_scans(20_000)
    tags = [(256, 3, 1, 800), (257, 3, 1, 800), (258, 3, 1, 8), (259, 3, 1, 7), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 4, 1, 800), (279, 4, 1, len(bomb))]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    data = b"II*\0" + struct.pack("<I", 8 + len(bomb)) + bomb + struct.pack("<H", len(tags)) + entries + bytes(4)
    with pytest.raises(EngineError):
        decode(data, LIMITS, 40)


def test_formats_whose_decoders_take_more_memory_a_pixel_may_have_fewer() -> None:
    picture = encoded(Image.new("RGB", (10_000, 5_500)), "WEBP", lossless=True, method=0)
    with pytest.raises(ImageTooLarge, match="the limit is 50,000,000"):
        decode(picture, LIMITS, 40)


@pytest.mark.parametrize("size", [(8160, 6144), (8192, 6144), (16382, 3628), (9248, 6936)])
def test_the_photos_of_phones_are_taken_by_default(size: tuple[int, int]) -> None:
    decoded = decode(encoded(Image.new("RGB", size), "JPEG"), LIMITS, 40)
    assert (decoded.width, decoded.height) == size
    assert decoded.pixels.size == (size[0] // 2, size[1] // 2)


# The pyramid in tiles.


@pytest.mark.parametrize("is_packed", [True, False])
def test_tiles_give_what_the_whole_gives(
    detector: Detector, portraits: dict[str, Image.Image], monkeypatch: pytest.MonkeyPatch, is_packed: bool
) -> None:
    """A face on the edge of a tile is complete in one tile."""
    photo = portraits["pair"].resize((1537, 901), Image.Resampling.BICUBIC)
    whole = detector.detect(photo, 20, 100)
    monkeypatch.setattr(pyramid, "GROUP_PIXELS", 30_000)
    monkeypatch.setattr(pyramid, "TILE_PIXELS", 20_000)
    monkeypatch.setattr(pyramid, "TILE_COLUMNS", 60)
    if not is_packed:
        monkeypatch.setattr("cv.engine.detect.mipmap.PACKED_PIXELS", 1000)
    tiled = detector.detect(photo, 20, 100)
    assert len(whole) == 2
    assert [found.box for found in tiled] == [found.box for found in whole]
    assert [found.landmarks for found in tiled] == [found.landmarks for found in whole]


@pytest.mark.parametrize("packed_pixels", [1000, 2**24])
def test_a_window_of_a_level_is_that_part_of_the_level(
    portraits: dict[str, Image.Image], monkeypatch: pytest.MonkeyPatch, packed_pixels: int
) -> None:
    monkeypatch.setattr("cv.engine.detect.mipmap.PACKED_PIXELS", packed_pixels)
    mipmap = Mipmap(portraits["pair"].resize((1537, 901)))
    whole = mipmap.resize(700, 411, (0, 0, 700, 411))
    assert np.array_equal(mipmap.resize(700, 411, (120, 33, 260, 411)), whole[:, 33:411, 120:260])


def test_tiles_cover_a_level_and_share_a_cell() -> None:
    groups = list(pyramid.group_tiles((16_382, 3_628), [1.0, 0.5]))
    first = [tile for group in groups for tile in group if tile.level == 0]
    assert max(sum(tile.pixels for tile in group) for group in groups) <= pyramid.GROUP_PIXELS
    columns = sorted({(tile.window[0], tile.window[2]) for tile in first})
    assert (columns[0][0], columns[-1][1]) == (0, 16_383)
    assert all(after[0] == before[1] - 10 for before, after in itertools.pairwise(columns))


def cost(picture: bytes, min_face_px: int, path: Path) -> dict[str, float]:
    """Megabytes at the peak of an image and after it, in a process that runs only an engine."""
    path.write_bytes(picture)
    code = f"""
import json, pathlib
from cv.engine.config import EngineConfig
from cv.engine.footprint import Footprint, _bytes_used
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions
engine = get_engine(EngineConfig(threads=1))
footprint, before = Footprint(1, threads=1), _bytes_used()[1]
engine.analyze(pathlib.Path({str(path)!r}).read_bytes(), AnalysisOptions(min_face_px={min_face_px}))
peak = next(int(line.split()[1]) / 1000 for line in open("/proc/self/status") if line.startswith("VmHWM"))
large = footprint.stays_large()
print(json.dumps({{"peak": peak, "left": (_bytes_used()[1] - before) / 1e6, "large": large}}))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    answer: dict[str, float] = json.loads(result.stdout)
    return answer


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")
@pytest.mark.parametrize(
    ("kind", "size", "min_face_px", "most"),
    [
        # 7.5 GB at the peak with all levels in memory, and 7.1 GB that stayed.
        ("WEBP", (16_383, 3_051), 24, 1000),
        ("JPEG", (65_500, 760), 24, 750),
        ("PNG", (5_000_000, 13), 12, 750),
    ],
)
def test_an_accepted_picture_stays_within_its_memory(
    tmp_path: Path, kind: str, size: tuple[int, int], min_face_px: int, most: int
) -> None:
    options = {"WEBP": {"lossless": True, "method": 0}}.get(kind, {})
    taken = cost(encoded(Image.new("RGB", size, (1, 2, 3)), kind, **options), min_face_px, tmp_path / "picture")
    assert taken["peak"] < most
    assert taken["left"] < 100
    assert not taken["large"]
