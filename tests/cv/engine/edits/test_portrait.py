"""Portraits: people stay as they are, what is behind them goes out of focus, gets one colour or goes away."""

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFilter

from cv.engine.config import EngineConfig
from cv.engine.edits.background import portray
from cv.engine.edits.boxes import box_mean, disc_mean
from cv.engine.edits.editing import edit_picture
from cv.engine.edits.types import Background, PictureFormat, Portrait
from cv.engine.errors import InvalidOptions, ModelNotReady, NoPerson
from cv.engine.manifest import read_manifest
from cv.engine.pipeline import Engine
from tests.cv.engine.edits.test_redaction import file_of, opened, pixels_of

# In the picture of Grace Hopper: the flag behind her, her nose, and her uniform.
FLAG, NOSE, UNIFORM = (40, 60), (262, 190), (256, 560)


def detail(data: bytes, at: tuple[int, int]) -> float:
    """How much neighbouring pixels differ around a place."""
    x, y = at
    part = pixels_of(data)[y - 25 : y + 25, x - 25 : x + 25]
    return float(np.abs(np.diff(part, axis=1)).mean())


def test_the_background_goes_out_of_focus_and_the_person_stays(engine: Engine, grace_hopper: bytes) -> None:
    answer = edit_picture(engine, grace_hopper, Portrait(strength=0.5, format=PictureFormat.PNG)).data
    before, after = pixels_of(grace_hopper), pixels_of(answer)
    assert after.shape == before.shape
    x, y = NOSE
    assert np.abs(before - after)[y - 30 : y + 30, x - 30 : x + 30].max() == 0
    assert detail(answer, FLAG) < 0.35 * detail(grace_hopper, FLAG)
    stronger = edit_picture(engine, grace_hopper, Portrait(strength=1.0, format=PictureFormat.PNG)).data
    assert detail(stronger, FLAG) < detail(answer, FLAG)


def test_the_colour_of_people_does_not_shine_into_the_blur() -> None:
    photo = Image.new("RGB", (400, 400), (40, 40, 40))
    photo.paste((255, 30, 30), (100, 100, 300, 400))
    mask = np.zeros((256, 256), np.float32)
    mask[64:, 64:192] = 1
    blurred = portray(photo, mask, Portrait(strength=1.0), map)
    # Eight pixels beside the red block, nothing of it is left.
    assert blurred.getpixel((85, 250)) == pytest.approx((40, 40, 40), abs=6)
    assert photo.filter(ImageFilter.BoxBlur(14)).getpixel((90, 250))[0] > 60  # type: ignore[index]


def test_one_colour_behind(engine: Engine, grace_hopper: bytes) -> None:
    answer = opened(edit_picture(engine, grace_hopper, Portrait(Background.COLOUR, colour=(10, 200, 30))).data)
    assert (answer.format, answer.getpixel(FLAG)) == ("JPEG", (10, 200, 30))
    nose = opened(grace_hopper).getpixel(NOSE)
    assert answer.getpixel(NOSE) == pytest.approx(nose, abs=8)


@pytest.mark.parametrize(("wish", "given"), [(None, "PNG"), (PictureFormat.WEBP, "WEBP")])
def test_nothing_behind_and_nothing_of_it_in_the_file(
    engine: Engine, grace_hopper: bytes, wish: PictureFormat | None, given: str
) -> None:
    answer = opened(edit_picture(engine, grace_hopper, Portrait(Background.TRANSPARENT, format=wish)).data)
    assert (answer.format, answer.mode) == (given, "RGBA")
    assert answer.getpixel(FLAG)[3] == 0  # type: ignore[index]
    assert answer.getpixel(NOSE)[3] == 255  # type: ignore[index]
    if given == "PNG":
        assert answer.getpixel(FLAG) == (0, 0, 0, 0)


def test_edges_follow_the_picture_not_the_small_mask() -> None:
    """A diagonal edge that no mask of 16 pixels could show."""
    photo = Image.new("RGB", (640, 640), (20, 20, 20))
    inside = np.tri(640, 640, dtype=bool)
    photo.paste((220, 220, 220), (0, 0), Image.fromarray(inside))
    coarse = np.tri(16, 16, dtype=np.float32) - np.eye(16, dtype=np.float32) / 2
    clear = portray(photo, coarse, Portrait(Background.TRANSPARENT), map).getchannel("A")
    matte = np.asarray(clear) > 127
    from_mask = np.asarray(Image.fromarray(coarse).resize((640, 640), Image.Resampling.BILINEAR)) > 0.5
    assert (matte != inside).mean() < 0.5 * (from_mask != inside).mean()


def test_turned_photos_profiles_and_metadata(engine: Engine, grace_hopper: bytes) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "Ada in Paris"
    lying = opened(grace_hopper).transpose(Image.Transpose.ROTATE_90)
    sent = file_of(lying, "JPEG", exif=exif, icc_profile=profile)
    answer = edit_picture(engine, sent, Portrait(Background.COLOUR, colour=(10, 200, 30))).data
    picture = opened(answer)
    assert (picture.size, picture.getpixel(FLAG)) == ((512, 600), (10, 200, 30))
    assert (picture.info["icc_profile"], dict(picture.getexif()), b"Ada" in answer) == (profile, {}, False)


def test_a_photo_without_people_is_refused(engine: Engine, empty_scene: bytes) -> None:
    with pytest.raises(NoPerson, match="nobody was found in this photo"):
        edit_picture(engine, empty_scene, Portrait())


@pytest.mark.parametrize("size", [(3, 2), (7, 500), (2000, 3)])
@pytest.mark.parametrize("background", list(Background))
def test_pictures_smaller_than_the_mask(size: tuple[int, int], background: Background) -> None:
    photo = Image.new("RGB", size, (90, 120, 30))
    painted = portray(photo, np.ones((256, 256), np.float32), Portrait(background), map)
    assert painted.size == size
    assert painted.convert("RGB").getpixel((0, 0)) == (90, 120, 30)


def test_bands_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 200, 3), np.uint8)
    photo = Image.fromarray(noise)
    mask = np.random.default_rng(2).random((256, 256), np.float32)
    whole = np.asarray(portray(photo, mask, Portrait(Background.COLOUR), map), np.int16)
    monkeypatch.setattr("cv.engine.edits.background._BAND_PIXELS", 200 * 37)
    banded = np.asarray(portray(photo, mask, Portrait(Background.COLOUR), map), np.int16)
    assert np.abs(whole - banded).max() <= 1


def test_weights_without_the_model_say_so(engine: Engine, grace_hopper: bytes) -> None:
    without = Engine(engine.detector, engine.readers, engine.limits, engine.default, engine.judge, engine.check)
    with pytest.raises(ModelNotReady, match="tells people from their background"):
        edit_picture(without, grace_hopper, Portrait())


def test_the_model_is_loaded_at_the_first_portrait() -> None:
    manifest = read_manifest(EngineConfig().weights_dir)
    assert manifest.portrait is not None
    assert (manifest.portrait.card.name, manifest.portrait.size) == ("selfie", 256)
    assert manifest.portrait.card.licence.startswith("Apache-2.0")


def test_options_outside_their_range_are_refused() -> None:
    for strength in (0.0, 1.1):
        with pytest.raises(InvalidOptions, match="strength"):
            Portrait(strength=strength)
    with pytest.raises(InvalidOptions, match="a JPEG cannot be transparent"):
        Portrait(Background.TRANSPARENT, format=PictureFormat.JPEG)


def test_means_over_boxes_and_discs_are_those_of_their_pixels() -> None:
    values = np.random.default_rng(0).random((20, 30, 2), np.float32)
    assert box_mean(values, 2)[9, 12] == pytest.approx(values[7:12, 10:15].mean(axis=(0, 1)), abs=1e-5)
    rows, columns = np.mgrid[-3:4, -3:4]
    disc = rows**2 + columns**2 <= 3.2**2
    assert disc_mean(values, 3.2)[9, 12] == pytest.approx(values[6:13, 9:16][disc].mean(axis=0), abs=1e-5)
    flat = np.ones((5, 4, 1), np.float32)
    assert box_mean(flat, 3) == pytest.approx(flat)
    assert disc_mean(flat, 6.0) == pytest.approx(flat)
