"""Hidden faces: neither found nor recognised again, and nothing else of the picture changes."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, features

from cv.engine.config import EngineConfig
from cv.engine.decode import decode
from cv.engine.edits.editing import edit_picture
from cv.engine.edits.types import Cover, PictureFormat, Redaction
from cv.engine.errors import FormatUnavailable, InvalidOptions, UndecodableImage
from cv.engine.manifest import read_manifest
from cv.engine.pipeline import Engine
from cv.engine.readers.embeddings import EmbeddingReader
from cv.engine.types import AnalysisOptions, Detection, FaceResult

Pixels = npt.NDArray[np.int16]
Embed = Callable[[bytes, tuple[FaceResult, ...]], npt.NDArray[np.float32]]
GPS = 34853


@pytest.fixture(scope="module")
def threshold() -> float:
    """The similarity that one in a thousand pairs of strangers exceeds."""
    models = read_manifest(EngineConfig().weights_dir).models
    odds = next(model.odds for model in models if model.odds)
    return odds.threshold(1e-3)


@pytest.fixture(scope="module")
def embed(engine: Engine) -> Embed:
    """Vectors of the chips at the places where the faces were before."""
    config = EngineConfig()
    model = next(model for model in read_manifest(config.weights_dir).models if model.odds)
    reader = EmbeddingReader.load(model, config)

    def vectors(data: bytes, faces: tuple[FaceResult, ...]) -> npt.NDArray[np.float32]:
        image = decode(data, engine.limits, 20, reduce=False)
        places = [Detection(face.box, face.confidence, face.landmarks) for face in faces]
        return reader.embed(engine.cut(image, places, reader.crop).pixels)

    return vectors


def found(engine: Engine, data: bytes) -> tuple[FaceResult, ...]:
    return engine.analyze(data, AnalysisOptions(frozenset(), 20, 1000)).faces


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def pixels_of(data: bytes) -> Pixels:
    return np.asarray(opened(data).convert("RGB"), dtype=np.int16)


@pytest.mark.parametrize("turn", [0, 25, 90, 180])
@pytest.mark.parametrize("cover", list(Cover))
def test_a_hidden_face_does_not_match_itself(
    engine: Engine, embed: Embed, threshold: float, two_faces: bytes, cover: Cover, turn: int
) -> None:
    photo = file_of(opened(two_faces).rotate(turn, expand=True, fillcolor="white"))
    faces = found(engine, photo)
    assert len(faces) == 2
    before = embed(photo, faces)
    hidden = edit_picture(engine, photo, Redaction(cover))
    assert (hidden.found, hidden.edited) == (2, 2)
    similarities = (before * embed(hidden.data, faces)).sum(axis=1)
    assert similarities.max() < threshold


@pytest.mark.parametrize("cover", [Cover.BAR, Cover.BLUR, Cover.PIXELATE])
def test_a_hidden_face_is_not_found_again(engine: Engine, two_faces: bytes, cover: Cover) -> None:
    assert len(found(engine, two_faces)) == 2
    assert found(engine, edit_picture(engine, two_faces, Redaction(cover)).data) == ()


def test_bars_have_their_colour_and_reach_over_eyes_nose_and_mouth(engine: Engine, astronaut: bytes) -> None:
    (face,) = found(engine, astronaut)
    bar = pixels_of(edit_picture(engine, astronaut, Redaction(Cover.BAR, colour=(10, 200, 30))).data)
    for x, y in face.landmarks:
        assert bar[round(y), round(x)].tolist() == [10, 200, 30]


@pytest.mark.parametrize("cover", list(Cover))
def test_only_the_chosen_faces_are_hidden_and_nothing_else_changes(
    engine: Engine, two_faces: bytes, cover: Cover
) -> None:
    faces = found(engine, two_faces)
    hidden = edit_picture(engine, two_faces, Redaction(cover, frozenset({1})))
    assert (hidden.found, hidden.edited, hidden.format) == (2, 1, PictureFormat.PNG)
    changed = np.abs(pixels_of(two_faces) - pixels_of(hidden.data)).max(axis=2) > 0
    rows, columns = np.nonzero(changed)
    box = faces[1].box
    reach = max(box.width, box.height)
    x, y = box.x + box.width / 2, box.y + box.height / 2
    assert np.abs(columns - x).max() < 1.1 * reach
    assert np.abs(rows - y).max() < 1.1 * reach
    assert changed[round(y), round(x)]


def test_the_order_of_the_faces_is_that_of_a_detection(engine: Engine, two_faces: bytes) -> None:
    faces = found(engine, two_faces)
    left = pixels_of(edit_picture(engine, two_faces, Redaction(Cover.BAR, frozenset({0}))).data)
    shown = [left[round(face.landmarks.nose[1]), round(face.landmarks.nose[0])].tolist() for face in faces]
    assert shown[0] == [0, 0, 0]
    assert shown[1] != [0, 0, 0]


def test_a_hundred_people_are_hidden(engine: Engine, grace_hopper: bytes) -> None:
    head = opened(grace_hopper).crop((130, 0, 400, 330)).resize((72, 88))
    crowd = Image.new("RGB", (720, 880))
    for index in range(100):
        crowd.paste(head, (index % 10 * 72, index // 10 * 88))
    photo = file_of(crowd)
    hidden = edit_picture(engine, photo, Redaction(Cover.BAR))
    assert hidden.found == hidden.edited >= 100
    assert found(engine, hidden.data) == ()


def test_a_face_that_reaches_past_the_edge_is_hidden(engine: Engine, grace_hopper: bytes) -> None:
    cut = file_of(opened(grace_hopper).crop((190, 90, 350, 310)))
    assert len(found(engine, cut)) == 1
    hidden = edit_picture(engine, cut, Redaction(Cover.BAR))
    assert found(engine, hidden.data) == ()


def test_metadata_goes_and_the_colour_profile_stays(engine: Engine, grace_hopper: bytes) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "Ada in Paris"
    exif.get_ifd(GPS)[1] = "N"
    sent = file_of(opened(grace_hopper), "JPEG", exif=exif, icc_profile=profile, comment=b"Ada", xmp=b"<x>Ada</x>")
    assert sent.count(b"Ada") == 3
    for kind in PictureFormat:
        answer = edit_picture(engine, sent, Redaction(format=kind)).data
        picture = opened(answer)
        assert picture.format == kind.upper()
        assert b"Ada" not in answer
        assert not picture.getexif()
        assert picture.info["icc_profile"] == profile


def test_a_profile_of_other_colours_is_left_out(engine: Engine, grace_hopper: bytes) -> None:
    grey = b"\0" * 16 + b"GRAY" + b"\0" * 108
    sent = file_of(opened(grace_hopper).convert("L"), "JPEG", icc_profile=grey)
    answer = opened(edit_picture(engine, sent, Redaction()).data)
    assert (answer.mode, "icc_profile" in answer.info) == ("RGB", False)


def test_a_photo_on_its_side_comes_out_upright(engine: Engine, grace_hopper: bytes) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sent = file_of(opened(grace_hopper).transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    answer = opened(edit_picture(engine, sent, Redaction(Cover.BAR)).data)
    assert answer.size == (512, 600)
    assert answer.getpixel((262, 180)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "given"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp"), ("TIFF", "jpeg"), ("HEIF", "jpeg")]
)
def test_without_a_wish_the_format_stays_where_browsers_know_it(
    engine: Engine, empty_scene: bytes, kind: str, given: str
) -> None:
    answer = edit_picture(engine, file_of(opened(empty_scene), kind), Redaction())
    assert (answer.format, answer.found, opened(answer.data).format) == (given, 0, given.upper())


def test_a_format_that_cannot_hold_the_picture_is_refused_before_it_is_encoded(engine: Engine) -> None:
    long = file_of(Image.new("RGB", (16_384, 8)))
    with pytest.raises(FormatUnavailable, match="WEBP holds at most 16,383 pixels a side, and this picture has 16,384"):
        edit_picture(engine, long, Redaction(format=PictureFormat.WEBP))
    assert opened(edit_picture(engine, long, Redaction()).data).size == (16_384, 8)


def test_a_codec_that_is_not_installed_is_named(
    engine: Engine, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "check", lambda name: name != "webp")
    with pytest.raises(FormatUnavailable, match="cannot write WEBP"):
        edit_picture(engine, empty_scene, Redaction(format=PictureFormat.WEBP))


def test_what_is_no_picture_is_refused_as_everywhere(engine: Engine, astronaut: bytes) -> None:
    with pytest.raises(UndecodableImage):
        edit_picture(engine, astronaut[:9000], Redaction())


def test_a_picture_of_one_pixel_comes_back(engine: Engine) -> None:
    answer = edit_picture(engine, file_of(Image.new("RGB", (1, 1), "red")), Redaction())
    assert opened(answer.data).getpixel((0, 0)) == (255, 0, 0)


def test_a_face_size_outside_its_range_is_refused() -> None:
    with pytest.raises(InvalidOptions, match="min_face_px must be from 12 to 4096, not 3"):
        Redaction(min_face_px=3)
