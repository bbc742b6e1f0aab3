"""Faces as vectors: the rewritten net gives the published one's numbers for two portraits."""

import io

import numpy as np
import pytest
from PIL import Image

from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.manifest import read_manifest
from cv.engine.pipeline import Engine
from cv.engine.readers.embeddings import EmbeddingReader
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, Vector

# What OpenCV Zoo's file itself answers for the two portraits, cut by the same template from the reference cascade's
# landmarks; rounded.
# fmt: off
COLLINS = np.array([
    -0.278, -1.74, 1.288, 2.03, 0.198, 0.369, 1.025, 0.602, -0.175, 1.127, -0.7, 1.361, -0.593, 0.105, 0.362, -0.263,
    1.563, 0.494, -0.866, -1.134, 0.472, -0.385, -0.506, 0.776, -0.98, 0.32, -1.545, -0.693, 0.311, 1.877, 0.783,
    0.026, 0.235, 0.453, 0.726, 0.606, -1.465, 1.638, 0.513, 0.785, -0.11, -2.261, -3.901, -1.76, -0.485, -0.374,
    2.013, 1.821, -0.107, 1.167, 0.16, -1.643, -1.519, 0.435, -2.643, -0.161, -1.946, -0.249, -0.352, 1.305, -0.688,
    0.653, -3.606, 0.826, 0.408, 0.059, 0.783, 0.09, 2.386, -0.193, 2.775, -1.363, 1.189, -1.942, 0.642, -2.251,
    0.644, 0.631, -0.654, -0.438, -1.303, 0.892, -1.186, 1.007, -0.119, -2.224, 1.007, -0.496, -1.073, -0.05, -1.607,
    0.252, -0.155, -0.423, 0.796, 0.05, -0.162, -0.148, -0.393, 0.063, -0.198, -0.156, 0.374, 0.123, -0.677, -2.147,
    0.896, 0.426, 0.732, -1.843, -0.522, 0.325, -1.645, -0.244, 0.482, 0.099, -0.301, 0.535, 0.013, -0.209, 1.761,
    -1.025, -0.262, 0.392, 2.13, -0.831, -1.729, 0.21,
])
HOPPER = np.array([
    -0.995, 0.443, -0.11, -0.949, 2.182, 1.555, 1.157, 0.628, -0.664, 1.711, 0.773, 0.553, 1.717, -1.086, 1.651,
    0.448, -0.194, 2.608, -1.272, -1.761, 0.538, 1.788, -0.47, -1.528, 1.112, -0.436, 0.471, 0.689, 0.192, -0.828,
    -1.204, 1.038, -0.354, 0.599, -1.936, -2.035, -0.028, 1.468, 0.248, 1.577, -0.455, -1.518, 0.537, -1.701, 1.645,
    -0.487, 0.762, -0.518, -1.53, 0.77, -1.096, -0.463, 0.683, -0.684, 0.255, 1.712, -0.207, -1.578, 1.393, 0.217,
    0.485, -0.388, -1.12, -0.224, -1.105, -1.169, 0.384, -1.383, 1.573, -0.064, 2.702, -1.047, 0.52, -1.709, 1.108,
    1.585, 0.971, 0.01, 1.198, 0.392, -0.015, -0.979, 0.16, -0.886, 0.12, 0.585, 0.641, -1.213, 0.311, -0.435,
    -0.186, 0.848, 0.272, 0.499, -1.052, -0.236, 0.117, 0.265, -0.704, -2.395, 0.307, -1.732, 1.307, -1.194, 1.237,
    0.628, 0.071, 1.036, 0.981, -0.755, 0.993, -0.322, -1.097, 1.505, 0.039, -0.035, -1.906, 1.595, 0.806, -0.984,
    -0.669, -0.266, -1.121, 1.012, -0.223, -0.759, -0.245, -1.838,
])
# fmt: on
ASKED = AnalysisOptions(attributes=frozenset({"embedding"}))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return get_engine(EngineConfig(threads=2, identity=True))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def embed(engine: Engine, photo: bytes) -> np.ndarray:
    (face,) = engine.analyze(photo, ASKED).faces
    answer = face.attributes["embedding"]
    assert isinstance(answer, Vector)
    return np.array(answer.values)


def test_the_portraits_give_the_published_nets_vectors(engine: Engine, astronaut: bytes, grace_hopper: bytes) -> None:
    collins, hopper = embed(engine, astronaut), embed(engine, grace_hopper)

    assert collins.shape == (128,)
    assert np.linalg.norm(collins) == pytest.approx(1, abs=1e-6)
    assert cosine(collins, COLLINS) > 0.998
    assert cosine(hopper, HOPPER) > 0.998
    assert cosine(collins, hopper) == pytest.approx(0.1377, abs=0.01)


def test_a_smaller_lighter_mirrored_copy_is_still_the_same_person(
    engine: Engine, astronaut: bytes, grace_hopper: bytes
) -> None:
    file = io.BytesIO()
    portrait = Image.open(io.BytesIO(astronaut)).convert("RGB").resize((300, 300))
    portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT).point(lambda level: min(level * 1.2, 255)).save(file, "JPEG")

    assert cosine(embed(engine, file.getvalue()), embed(engine, astronaut)) > 0.8
    assert cosine(embed(engine, file.getvalue()), embed(engine, grace_hopper)) < 0.25


def test_faces_of_one_photo_are_read_in_one_batch_like_each_alone(
    engine: Engine, two_faces: bytes, grace_hopper: bytes
) -> None:
    hopper, collins = engine.analyze(two_faces, ASKED).faces
    vectors = [np.array(face.attributes["embedding"].values) for face in (hopper, collins)]  # type: ignore[union-attr]

    assert cosine(vectors[0], embed(engine, grace_hopper)) > 0.95
    assert cosine(vectors[1], COLLINS) > 0.9


def test_without_identity_the_model_is_not_in_service(astronaut: bytes) -> None:
    engine = get_engine(EngineConfig(threads=2))

    assert "sface" not in [reader.card.name for reader in engine.readers]
    with pytest.raises(ModelNotReady, match="no model in service gives embedding"):
        engine.analyze(astronaut, ASKED)


def test_with_identity_the_five_alone_do_not_load_the_model(astronaut: bytes) -> None:
    engine = get_engine(EngineConfig(threads=3, identity=True))

    (face,) = engine.analyze(astronaut).faces

    assert list(face.attributes) == ["age", "gender", "race", "expression", "beauty"]
    assert [reader.card.name for reader in engine.readers if reader.is_loaded] == ["xcloud-attributes"]
    assert "sface" in [reader.card.name for reader in engine.readers]


def test_a_model_of_several_outputs_is_no_model_of_vectors() -> None:
    attributes, *_ = read_manifest(WEIGHTS_DIR).models

    with pytest.raises(ModelNotReady, match=r"models\[0\].outputs must be one vector"):
        EmbeddingReader(attributes, lambda batch: [batch])
