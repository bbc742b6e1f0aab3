"""Points, pose and openness by the published net: where they are, and what becomes of them in other pictures."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from cv.engine.align import XCLOUD_5, Crop, Similarity
from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.manifest import read_manifest
from cv.engine.pipeline import Engine
from cv.engine.readers.mesh import VIEW_PX, MeshReader, cut_views, first_view, view_around
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, FaceResult, Flags, Points, QualityWarning, Vector
from training.publish.face_mesh import MIRRORED

ASKED = AnalysisOptions(attributes=frozenset({"points", "mesh", "pose", "openness"}))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return get_engine(EngineConfig(threads=2))


@pytest.fixture(scope="module")
def collins(astronaut: bytes) -> Image.Image:
    return Image.open(io.BytesIO(astronaut)).convert("RGB")


def read(engine: Engine, picture: Image.Image) -> FaceResult:
    file = io.BytesIO()
    picture.save(file, "PNG")
    (face,) = engine.analyze(file.getvalue(), ASKED).faces
    return face


def points_of(face: FaceResult, name: str = "points") -> np.ndarray:
    answer = face.attributes[name]
    assert isinstance(answer, Points)
    return np.array(answer.points)


def pose_of(face: FaceResult) -> tuple[float, ...]:
    answer = face.attributes["pose"]
    assert isinstance(answer, Vector)
    return answer.values


def eyes_apart(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[36] - points[45]))


def test_the_points_of_a_portrait_are_where_its_eyes_nose_and_mouth_are(engine: Engine, collins: Image.Image) -> None:
    face = read(engine, collins)
    points, mesh = points_of(face), points_of(face, "mesh")
    near = eyes_apart(points) * 0.12

    assert (face.attributes["points"].scheme, points.shape) == ("ibug68", (68, 2))  # type: ignore[union-attr]
    assert (face.attributes["mesh"].scheme, mesh.shape) == ("mesh468", (468, 2))  # type: ignore[union-attr]
    marks = face.landmarks
    assert points[36:42].mean(axis=0) == pytest.approx(marks.left_eye, abs=near)
    assert points[42:48].mean(axis=0) == pytest.approx(marks.right_eye, abs=near)
    assert points[30] == pytest.approx(marks.nose, abs=near)
    assert points[48] == pytest.approx(marks.mouth_left, abs=near)
    assert points[54] == pytest.approx(marks.mouth_right, abs=near)
    assert np.linalg.norm(mesh[33] - points[36]) < near
    assert np.linalg.norm(mesh[263] - points[45]) < near


def test_in_the_mirror_the_points_change_sides_and_yaw_and_roll_their_signs(
    engine: Engine, collins: Image.Image
) -> None:
    face, mirrored = read(engine, collins), read(engine, ImageOps.mirror(collins))
    points, other = points_of(face), points_of(mirrored)[MIRRORED]
    other[:, 0] = collins.width - 1 - other[:, 0]

    assert np.linalg.norm(points - other, axis=1).mean() / eyes_apart(points) < 0.04
    (yaw, pitch, roll), (yaw_m, pitch_m, roll_m) = pose_of(face), pose_of(mirrored)
    assert (yaw_m, pitch_m, roll_m) == pytest.approx((-yaw, pitch, -roll), abs=4)
    assert abs(roll) > 1.5


@pytest.mark.parametrize("degrees", [-60, -20, 20, 90])
def test_a_turned_photo_turns_the_points_and_the_roll_and_nothing_else(
    engine: Engine, collins: Image.Image, degrees: int
) -> None:
    upright = read(engine, collins)
    # Pillow turns counter-clockwise, around the middle of the picture.
    turned = read(engine, collins.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=(90, 90, 90)))
    middle = complex(collins.width, collins.height) / 2
    expected = (points_of(upright) @ (1, 1j) - middle) * np.exp(1j * np.radians(degrees)) + middle
    found = points_of(turned) @ (1, 1j)

    assert np.abs(found - expected).mean() / eyes_apart(points_of(upright)) < 0.03
    (yaw, pitch, roll), (yaw_t, pitch_t, roll_t) = pose_of(upright), pose_of(turned)
    assert (yaw_t, pitch_t) == pytest.approx((yaw, pitch), abs=4)
    assert roll_t - roll == pytest.approx(degrees, abs=2.5)
    assert (QualityWarning.TILTED in turned.quality.warnings) == (abs(degrees) >= 60)


def test_a_large_photo_has_the_same_points_in_its_own_pixels(engine: Engine, collins: Image.Image) -> None:
    small, large = read(engine, collins), read(engine, collins.resize((2048, 2048)))

    assert np.linalg.norm(points_of(large) / 4 - points_of(small), axis=1).mean() / eyes_apart(points_of(small)) < 0.02


def test_a_face_that_the_picture_cuts_off_has_points_beyond_its_edge(engine: Engine, collins: Image.Image) -> None:
    whole = points_of(read(engine, collins))
    bottom = int(whole[57, 1])
    cut = points_of(read(engine, collins.crop((0, 0, collins.width, bottom))))

    assert np.isfinite(cut).all()
    assert cut[:, 1].max() > bottom
    assert np.linalg.norm(cut - whole, axis=1)[36:48].mean() / eyes_apart(whole) < 0.05


def test_eyes_and_mouth_of_a_smile_are_open(engine: Engine, collins: Image.Image) -> None:
    answer = read(engine, collins).attributes["openness"]
    assert isinstance(answer, Flags)
    assert list(answer.probabilities) == ["left_eye", "right_eye", "mouth"]
    assert min(answer.probabilities.values()) > 0.8


def test_faces_of_one_photo_are_read_in_one_batch_like_each_alone(
    engine: Engine, two_faces: bytes, grace_hopper: bytes
) -> None:
    both = list(engine.analyze(two_faces, ASKED).faces)
    (alone,) = engine.analyze(grace_hopper, ASKED).faces

    assert len(both) == 2
    assert pose_of(both[0]) == pytest.approx(pose_of(alone), abs=4)


def test_the_five_alone_do_not_load_the_model_and_hold_no_pose(astronaut: bytes) -> None:
    engine = get_engine(EngineConfig(threads=4))
    (face,) = engine.analyze(astronaut).faces

    assert list(face.attributes) == ["age", "gender", "race", "expression", "beauty"]
    assert [reader.card.name for reader in engine.readers if reader.is_loaded] == ["xcloud-attributes"]
    assert "face-mesh" in [reader.card.name for reader in engine.readers]


def test_the_pose_that_the_warnings_need_is_answered_only_if_asked_for(engine: Engine, astronaut: bytes) -> None:
    (face,) = engine.analyze(astronaut, AnalysisOptions(attributes=frozenset({"points"}))).faces

    assert list(face.attributes) == ["points"]


def test_the_score_is_the_same_whatever_is_asked_for(engine: Engine, astronaut: bytes) -> None:
    (plain,), (asked,) = engine.analyze(astronaut).faces, engine.analyze(astronaut, ASKED).faces

    assert asked.quality.score == plain.quality.score


def test_the_first_view_has_the_chips_middle() -> None:
    view = first_view(Crop(XCLOUD_5, 256, 0.35))

    assert view.a * 128 * (1 + 1j) + view.b == pytest.approx(VIEW_PX / 2 * (1 + 1j))


def test_the_second_view_levels_the_eyes_and_holds_all_points() -> None:
    dice = np.random.default_rng(1)
    points = dice.normal(0, 30, 468) + 1j * dice.normal(0, 40, 468) + (700 + 300j)
    points[33], points[263] = 650 + 250j, 700 + 300j
    view = view_around(points)
    seen = view.a * points + view.b

    assert seen[33].imag == pytest.approx(seen[263].imag)
    assert seen[33].real < seen[263].real
    assert min(seen.real.min(), seen.imag.min()) > 0
    assert max(seen.real.max(), seen.imag.max()) < VIEW_PX


def test_points_that_are_all_the_same_give_a_view_all_the_same() -> None:
    view = view_around(np.full(468, 5 + 5j))

    assert view.a * (5 + 5j) + view.b == pytest.approx(VIEW_PX / 2 * (1 + 1j))


def test_a_view_is_black_where_it_reaches_past_its_chip() -> None:
    chips = np.full((1, 64, 64, 3), 200, np.uint8)
    (view,) = cut_views(chips, [Similarity(1 + 0j, 0j)])

    assert view[30, 30].tolist() == [200, 200, 200]
    assert view[150, 150].tolist() == [0, 0, 0]


def test_a_model_with_other_outputs_is_no_mesh() -> None:
    attributes, *_ = read_manifest(WEIGHTS_DIR).models

    with pytest.raises(ModelNotReady, match=r"models\[0\].outputs must be mesh, openness, points, pose"):
        MeshReader(attributes, lambda batch: [batch])
