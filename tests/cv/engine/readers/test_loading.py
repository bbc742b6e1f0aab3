"""Several readers of one photo: which chips are cut, which readers run, in which order, and their times."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cv.engine import pipeline
from cv.engine.align import XCLOUD_5, Crop, Similarity, warp
from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.model_card import ModelCard
from cv.engine.outputs import Output, Shape, register
from cv.engine.pipeline import Engine
from cv.engine.readers.base import FaceReader, register_kind, register_reader
from cv.engine.readers.loading import LazyReader
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, Answers, Estimate

pytestmark = pytest.mark.usefixtures("registries")


class Brightness(FaceReader):
    """The mean level of a chip; records its calls."""

    def __init__(self, name: str, crop: Crop) -> None:
        register(Output(name, Shape.ESTIMATE))
        self.card = ModelCard(f"{name}-model", "1", "ab" * 32, licence="none")
        self.crop, self.gives = crop, frozenset({name})
        self.asked: list[tuple[tuple[int, ...], Sequence[Similarity]]] = []
        self.loads = 0

    def lazy(self) -> LazyReader:
        def make() -> FaceReader:
            self.loads += 1
            return self

        return LazyReader(self.card, self.crop, self.gives, make, lambda: None)

    def read(self, chips: np.ndarray, to_photo: Sequence[Similarity], wanted: frozenset[str]) -> list[Answers]:
        self.asked.append((chips.shape, to_photo))
        (name,) = wanted
        return [{name: Estimate(float(chip.mean()))} for chip in chips]


def with_readers(engine: Engine, *readers: Brightness) -> Engine:
    """The engine with these readers before its own."""
    return replace(engine, readers=(*(reader.lazy() for reader in readers), *engine.readers))


def asking(*names: str) -> AnalysisOptions:
    return AnalysisOptions(attributes=frozenset(names))


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the chips that are cut; the check, which comes first, has 48 pixels."""
    sizes: list[int] = []

    def counted(image: Image.Image, to_chip: Similarity, size: int) -> np.ndarray:
        sizes.append(size)
        return warp(image, to_chip, size)

    monkeypatch.setattr(pipeline, "warp", counted)
    return sizes


def test_chips_are_cut_once_for_each_crop_however_many_readers_see_it(
    engine: Engine, astronaut: bytes, cuts: list[int]
) -> None:
    readers = [Brightness("one", Crop(XCLOUD_5, 64)), Brightness("two", Crop(XCLOUD_5, 64))]
    readers += [Brightness("three", engine.default.crop), Brightness("four", Crop(XCLOUD_5, 64, margin=0.5))]

    (face,) = with_readers(engine, *readers).analyze(astronaut, asking("one", "two", "three", "four", "age")).faces

    assert cuts == [48, 150, 64, 64]
    assert face.attributes["one"] == face.attributes["two"] != face.attributes["four"]
    assert [reader.asked[0][0] for reader in readers] == [(1, 64, 64, 3)] * 2 + [(1, 150, 150, 3), (1, 64, 64, 3)]


def test_a_reader_that_gives_nothing_wanted_is_not_loaded_and_its_crop_not_cut(
    engine: Engine, astronaut: bytes, cuts: list[int]
) -> None:
    reader = Brightness("brightness", Crop(XCLOUD_5, 64))

    (face,) = with_readers(engine, reader).analyze(astronaut).faces

    assert list(face.attributes) == ["age", "gender", "race", "expression", "beauty"]
    assert (cuts, reader.loads, reader.asked) == ([48, 150], 0, [])


def test_a_reader_is_loaded_at_first_use_and_only_then(engine: Engine, astronaut: bytes, empty_scene: bytes) -> None:
    reader = Brightness("brightness", Crop(XCLOUD_5, 64))
    wider = with_readers(engine, reader)

    loads = []
    for photo in (empty_scene, astronaut, astronaut):
        wider.analyze(photo, asking("brightness"))
        loads.append(reader.loads)

    assert loads == [0, 1, 1]


def test_answers_stand_in_the_order_of_the_registry_and_runs_in_that_of_the_readers(
    engine: Engine, astronaut: bytes
) -> None:
    reader = Brightness("brightness", Crop(XCLOUD_5, 64))

    result = with_readers(engine, reader).analyze(astronaut, asking("brightness", "gender", "age"))

    assert list(result.faces[0].attributes) == ["age", "gender", "brightness"]
    assert [(run.name, run.version, run.sha256) for run in result.models] == [
        ("brightness-model", "1", "ab" * 32),
        (engine.model.name, engine.model.version, engine.model.sha256),
    ]
    assert result.models[1].ms > result.models[0].ms >= 0
    assert sum(run.ms for run in result.models) < result.timing_ms.attributes
    assert result.model == engine.model


def test_a_photo_without_a_face_names_the_models_that_were_asked(engine: Engine, empty_scene: bytes) -> None:
    result = engine.analyze(empty_scene)

    assert [(run.name, run.ms) for run in result.models] == [("xcloud-attributes", 0.0)]
    assert engine.analyze(empty_scene, asking()).models == ()


def test_chips_lead_back_to_the_pixels_of_the_full_size_photo(engine: Engine, astronaut: bytes) -> None:
    """A photo of 3600 pixels is decoded at a reduced size."""
    file = io.BytesIO()
    Image.open(io.BytesIO(astronaut)).convert("RGB").resize((3600, 3600)).save(file, "JPEG", quality=92)
    reader = Brightness("brightness", Crop(XCLOUD_5, 64, margin=0.25))

    (face,) = with_readers(engine, reader).analyze(file.getvalue(), asking("brightness")).faces

    (to_photo,) = reader.asked[0][1]
    square = 64 / 1.5
    places = [to_photo.a * complex(x + 0.25, y + 0.25) * square + to_photo.b for x, y in XCLOUD_5.points]
    marks = face.landmarks
    points = [marks.left_eye, marks.right_eye, marks.nose, marks.mouth_left, marks.mouth_right]
    # A similarity fits five points to the template's only up to a tenth of the distance between the eyes, 290 pixels.
    np.testing.assert_allclose([[place.real, place.imag] for place in places], points, atol=29)


def test_an_output_that_no_model_in_service_gives_is_said_before_the_photo_is_read(engine: Engine) -> None:
    register(Output("glasses", Shape.CATEGORY, labels=("none", "worn")))

    with pytest.raises(ModelNotReady, match="no model in service gives glasses"):
        engine.analyze(b"no photo", asking("age", "glasses"))


def test_a_reader_that_cannot_be_loaded_fails_its_own_requests_and_is_tried_again(
    engine: Engine, astronaut: bytes
) -> None:
    tries = []

    def fail() -> FaceReader:
        tries.append(1)
        raise ModelNotReady("glasses.onnx has other heads")

    register(Output("glasses", Shape.CATEGORY, labels=("none", "worn")))
    broken = LazyReader(ModelCard("g", "1", "", "none"), Crop(XCLOUD_5, 64), frozenset({"glasses"}), fail, lambda: None)
    wider = replace(engine, readers=(*engine.readers, broken))

    for _ in range(2):
        with pytest.raises(ModelNotReady, match="other heads"):
            wider.analyze(astronaut, asking("glasses"))
    assert len(wider.analyze(astronaut).faces) == 1
    assert len(tries) == 2


def test_two_models_that_give_the_same_output_are_refused() -> None:
    reader = Brightness("brightness", Crop(XCLOUD_5, 64))
    reader.gives = frozenset({"brightness", "age"})
    register_reader(reader)

    with pytest.raises(ModelNotReady, match="age is given by two models: xcloud-attributes and brightness-model"):
        get_engine(EngineConfig(threads=4))


def test_a_name_of_a_reader_or_of_a_kind_is_taken_once() -> None:
    first, second = Brightness("one", Crop(XCLOUD_5, 64)), Brightness("two", Crop(XCLOUD_5, 64))
    second.card = first.card
    register_reader(first)

    with pytest.raises(ValueError, match="another reader is called one-model"):
        register_reader(second)
    with pytest.raises(ValueError, match="another kind of reader is called attributes"):
        register_kind("attributes", lambda model, config: first)
