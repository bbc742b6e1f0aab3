"""Every format and every bad file, through ``decode`` alone."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cv.engine.config import DecodeLimits
from cv.engine.decode import decode
from cv.engine.errors import ImageTooLarge, UndecodableImage, UnsupportedMediaType

LIMITS = DecodeLimits()
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def quarters(mode: str = "RGB") -> Image.Image:
    """64 × 32: red and green above, blue and white below."""
    image = Image.new("RGB", (64, 32), "white")
    image.paste(RED, (0, 0, 32, 16))
    image.paste(GREEN, (32, 0, 64, 16))
    image.paste(BLUE, (0, 16, 32, 32))
    return image.convert(mode)


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def assert_quarters(data: bytes, tolerance: int = 0) -> None:
    decoded = decode(data, LIMITS, min_face_px=40)
    assert (decoded.width, decoded.height, decoded.scale) == (64, 32, 1)
    pixels = np.asarray(decoded.pixels).astype(int)
    for (x, y), colour in {(8, 4): RED, (56, 4): GREEN, (8, 28): BLUE, (56, 28): (255, 255, 255)}.items():
        assert np.abs(pixels[y, x] - colour).max() <= tolerance, (x, y)


@pytest.mark.parametrize("format_", ["PNG", "BMP", "GIF", "TIFF"])
def test_lossless_formats_give_their_pixels_as_rgb(format_: str) -> None:
    assert_quarters(encoded(quarters(), format_))


def test_lossy_formats_give_their_pixels_as_rgb() -> None:
    assert_quarters(encoded(quarters(), "JPEG", quality=95, subsampling=0), tolerance=6)
    assert_quarters(encoded(quarters(), "WEBP", lossless=True))


def test_heic_is_read() -> None:
    file = io.BytesIO()
    pillow_heif.from_pillow(quarters().resize((128, 64), Image.Resampling.NEAREST)).save(file, quality=95)

    decoded = decode(file.getvalue(), LIMITS, min_face_px=40)

    assert (decoded.width, decoded.height) == (128, 64)
    assert np.abs(np.asarray(decoded.pixels)[8, 16].astype(int) - RED).max() < 20


def test_cmyk_jpeg_becomes_rgb() -> None:
    assert_quarters(encoded(quarters("CMYK"), "JPEG", quality=95, subsampling=0), tolerance=12)


def test_palette_becomes_rgb() -> None:
    assert_quarters(encoded(quarters("P"), "PNG"))


def test_sixteen_bits_are_scaled_to_eight() -> None:
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)

    pixels = np.asarray(decode(encoded(Image.fromarray(ramp), "PNG"), LIMITS, min_face_px=40).pixels)

    np.testing.assert_array_equal(pixels, np.repeat((ramp >> 8).astype(np.uint8)[..., None], 3, axis=2))


def test_transparency_is_laid_on_white() -> None:
    image = quarters("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 16))

    pixels = decode(encoded(image, "PNG"), LIMITS, min_face_px=40).pixels

    assert pixels.getpixel((8, 4)) == (255, 255, 255)
    assert pixels.getpixel((56, 4)) == GREEN


def test_first_frame_of_an_animation_is_read() -> None:
    second = Image.new("RGB", (64, 32), "black")

    assert_quarters(encoded(quarters(), "GIF", save_all=True, append_images=[second]))
    assert_quarters(encoded(quarters(), "TIFF", save_all=True, append_images=[second]))


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF"])
def test_orientation_of_the_camera_is_applied(format_: str) -> None:
    """Orientation 6 is stored lying on its left side: the upright picture is the stored one turned clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6

    decoded = decode(encoded(quarters(), format_, exif=exif.tobytes()), LIMITS, min_face_px=40)

    assert (decoded.width, decoded.height) == decoded.pixels.size == (32, 64)
    upright = quarters().transpose(Image.Transpose.ROTATE_270)
    assert np.abs(np.asarray(decoded.pixels)[4, 4].astype(int) - np.asarray(upright)[4, 4]).max() < 8


def test_large_jpeg_is_decoded_reduced_and_says_its_full_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (4000, 3000)), "JPEG", exif=exif.tobytes())

    decoded = decode(data, LIMITS, min_face_px=40)

    assert (decoded.width, decoded.height) == (3000, 4000)
    assert decoded.pixels.size == (1500, 2000)
    assert decoded.scale == 0.5


def test_jpeg_keeps_its_size_where_small_faces_are_asked_for() -> None:
    data = encoded(Image.new("RGB", (4000, 3000)), "JPEG")

    assert decode(data, LIMITS, min_face_px=20).pixels.size == (4000, 3000)


def test_sha256_is_of_the_bytes_that_came_in(astronaut: bytes) -> None:
    assert decode(astronaut, LIMITS, min_face_px=40).sha256 == hashlib.sha256(astronaut).hexdigest()


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header claims many pixels, followed by a single line."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


def test_too_many_pixels_are_refused_by_the_header() -> None:
    with pytest.raises(ImageTooLarge, match="20000 × 20000"):
        decode(bomb(20_000, 20_000), LIMITS, min_face_px=40)


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(ImageTooLarge, match="11 bytes; the limit is 10"):
        decode(b"x" * 11, DecodeLimits(max_bytes=10), min_face_px=40)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello, I am a text", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x00" * 4096],
    ids=["empty", "text", "svg", "pdf", "zeros"],
)
def test_what_is_no_image_is_an_unsupported_type(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        decode(data, LIMITS, min_face_px=40)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.9, 0.5])
def test_truncated_file_is_undecodable(astronaut: bytes, format_: str, share: float) -> None:
    data = encoded(Image.open(io.BytesIO(astronaut)), format_)

    with pytest.raises(UndecodableImage):
        decode(data[: int(len(data) * share)], LIMITS, min_face_px=40)


def test_header_that_lies_about_its_pixels_is_undecodable() -> None:
    with pytest.raises(UndecodableImage):
        decode(bomb(100, 100), LIMITS, min_face_px=40)


def test_floating_point_pixels_are_undecodable() -> None:
    with pytest.raises(UndecodableImage, match="pixels of type F"):
        decode(encoded(Image.new("F", (8, 8)), "TIFF"), LIMITS, min_face_px=40)


def test_random_damage_never_leaves_by_another_error(astronaut: bytes) -> None:
    rng = np.random.default_rng(3)
    originals = [encoded(quarters(), format_) for format_ in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")]
    refused = 0
    for _ in range(300):
        data = bytearray(originals[rng.integers(len(originals))])
        for at in rng.integers(0, len(data), 6):
            data[at] = rng.integers(256)
        try:
            decode(bytes(data), LIMITS, min_face_px=40)
        except (UndecodableImage, UnsupportedMediaType, ImageTooLarge):
            refused += 1
    assert refused > 30


# What browsers show.


def xmp(orientation: int) -> bytes:
    return (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
        b'<?xpacket end="w"?>' % orientation
    )


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_that_only_xmp_names_is_ignored(kind: str, orientation: int) -> None:
    options: dict[str, object] = {"xmp": xmp(orientation)}
    if kind == "PNG":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp(orientation).decode())
        options = {"pnginfo": text}
    if kind == "TIFF":
        options = {"tiffinfo": {700: xmp(orientation)}}
    assert_quarters(encoded(quarters(), kind, **options), tolerance=120)


def test_orientation_of_exif_is_applied_to_webp() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = quarters().transpose(Image.Transpose.ROTATE_90)
    assert_quarters(encoded(turned, "WEBP", lossless=True, exif=exif.tobytes()))


@pytest.mark.parametrize(("bits", "shift"), [(16, 8), (14, 6), (12, 4), (10, 2)])
def test_grey_of_fewer_bits_in_a_file_of_sixteen_is_not_black(bits: int, shift: int) -> None:
    ramp = np.linspace(0, 2**bits - 1, 64 * 32).reshape(32, 64).astype(np.uint16)
    pixels = np.asarray(decode(encoded(Image.fromarray(ramp), "PNG"), LIMITS, min_face_px=40).pixels)
    np.testing.assert_array_equal(pixels[..., 0], (ramp >> shift).astype(np.uint8))


def test_avif_is_read(astronaut: bytes) -> None:
    picture = Image.open(io.BytesIO(astronaut))
    decoded = decode(encoded(picture, "AVIF", quality=90), LIMITS, min_face_px=40)
    assert np.abs(np.asarray(decoded.pixels).astype(int) - np.asarray(picture)).mean() < 4


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(64), "Canon CR2"),
        (b"\0\0\0\x18ftypcrx " + bytes(64), "Canon CR3"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(64), "Fujifilm RAF"),
        (b"IIU\0\x08\0\0\0" + bytes(64), "Panasonic RW2"),
        (encoded(Image.new("RGB", (160, 120)), "TIFF", tiffinfo={50706: b"\1\4\0\0"}), "Adobe DNG"),
    ],
)
def test_raw_files_are_refused_by_name(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=name):
        decode(data, LIMITS, min_face_px=40)


def test_a_thumbnail_before_a_sensors_pixels_is_no_picture() -> None:
    """As in NEF and ARW: a small RGB picture, followed by a directory of sensor data."""
    thumbnail = encoded(Image.new("RGB", (160, 120)), "TIFF", tiffinfo={271: "NIKON CORPORATION", 330: 4})
    sensor = struct.pack("<HHHII", 1, 262, 3, 1, 32803) + bytes(4)
    with_sensor = thumbnail.replace(struct.pack("<HHII", 330, 4, 1, 4), struct.pack("<HHII", 330, 4, 1, len(thumbnail)))
    assert with_sensor != thumbnail
    assert decode(thumbnail, LIMITS, min_face_px=40).width == 160
    with pytest.raises(UnsupportedMediaType, match="NIKON CORPORATION raw"):
        decode(with_sensor + sensor, LIMITS, min_face_px=40)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}, {"optimize": True}])
def test_a_jpeg_without_its_last_bytes_is_decoded(grace_hopper: bytes, options: dict[str, object]) -> None:
    whole = encoded(Image.open(io.BytesIO(grace_hopper)), "JPEG", **options)
    expected = np.asarray(decode(whole, LIMITS, 40).pixels).astype(int)
    for missing in (1, 2):
        pixels = np.asarray(decode(whole[:-missing], LIMITS, 40).pixels)
        assert np.abs(pixels - expected)[:-16].max() == 0


@pytest.mark.parametrize("missing", [500, 5000, 30_000])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_is_cut_off_is_damaged_with_and_without_an_end(
    grace_hopper: bytes, missing: int, progressive: bool
) -> None:
    whole = encoded(Image.open(io.BytesIO(grace_hopper)), "JPEG", quality=90, progressive=progressive)
    if not progressive:
        with pytest.raises(UndecodableImage, match="the JPEG is damaged: data are missing"):
            decode(whole[:-missing] + b"\xff\xd9", LIMITS, 40)
    if not progressive or missing == 30_000:
        with pytest.raises(UndecodableImage, match="the JPEG is damaged"):
            decode(whole[:-missing], LIMITS, 40)


def test_a_hole_in_the_middle_of_a_jpeg_is_damage_too(grace_hopper: bytes) -> None:
    """libjpeg continues after the gap with meaningless pixels. Few gaps leave a file that seems intact."""
    whole = encoded(Image.open(io.BytesIO(grace_hopper)), "JPEG", quality=95)
    places = range(20_000, len(whole) - 10_000, 2_000)
    refused = []
    for at in places:
        try:
            decode(whole[:at] + bytes(3_000) + whole[at + 3_000 :], LIMITS, 40)
        except UndecodableImage as error:
            refused.append(str(error).partition(":")[0])
    assert set(refused) == {"the JPEG is damaged"}
    assert len(refused) > 0.8 * len(places)


@pytest.mark.parametrize(
    "options", [{"restart_marker_blocks": 7}, {"subsampling": 2}, {"subsampling": 1}, {"optimize": True, "quality": 30}]
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (501, 333)])
def test_whole_jpegs_of_all_kinds_are_no_damage(mode: str, size: tuple[int, int], options: dict[str, object]) -> None:
    image = Image.radial_gradient("L").resize(size).convert(mode)
    assert decode(encoded(image, "JPEG", **options), LIMITS, 40).pixels.size == size


def test_a_known_file_that_cannot_be_opened_is_damaged(astronaut: bytes) -> None:
    with pytest.raises(UndecodableImage, match="the PNG is damaged"):
        decode(astronaut[:29] + bytes(4) + astronaut[33:], LIMITS, 40)
