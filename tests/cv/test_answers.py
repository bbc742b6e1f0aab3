"""Answers of every shape survive the way from the engine to the row and back, and appear in every interface."""

import json

from api.serializers import AnalysisSerializer
from cv.choices import Source
from cv.engine.align import XCLOUD_5, Crop
from cv.engine.model_card import ModelCard
from cv.engine.outputs import DEFAULT_OUTPUTS, Output, Shape, register
from cv.engine.readers.base import FaceReader, register_reader
from cv.engine.types import Answer, Answers, Category, Estimate, Flags, Mask, ModelRun, Points, Vector
from cv.models import Analysis
from cv.services import AnalysisRequest, analysis_save
from cv.tables import analysis_rows, output_columns
from cv.trust.caller import Caller
from cv.wording import say
from tests.factories import analysis_result, face_result, stored_analysis


def test_the_five_answers_are_the_same_json_to_the_last_byte(caller: Caller) -> None:
    row = Analysis.objects.get(pk=stored_analysis(caller, face_result()).pk)
    (face,) = AnalysisSerializer(row).data["faces"]
    assert json.dumps(face["attributes"]) == (
        '{"age": {"value": 31.25, "interval": [25.5, 38.0], "coverage": 0.85, "abstained": false}, '
        '"gender": {"label": "female", "abstained": false, "probabilities": {"female": 0.98, "male": 0.02}}, '
        '"race": {"label": "black", "abstained": false, "probabilities": '
        '{"white": 0.05, "black": 0.7, "asian": 0.1, "indian": 0.1, "others": 0.05}}, '
        '"expression": {"label": "happiness", "abstained": false, "probabilities": {"anger": 0.01, "disgust": 0.02, '
        '"fear": 0.03, "happiness": 0.8, "sadness": 0.04, "surprise": 0.05, "neutral": 0.05}}, '
        '"beauty": {"value": 6.12, "scale": [1.0, 10.0], "interval": [4.5, 7.25], "coverage": 0.85, '
        '"abstained": false}}'
    )


OF_EVERY_SHAPE: dict[Output, Answer] = {
    Output("hair", Shape.CATEGORY, ("dark", "fair")): Category("fair", {"dark": 0.25, "fair": 0.75}),
    Output("smile", Shape.ESTIMATE, scale=(0.0, 1.0)): Estimate(0.5, None, (0.0, 1.0)),
    Output("weight", Shape.ESTIMATE, unit="kg"): Estimate(70.5, (60.0, 80.0), None, 0.5),
    Output("worn", Shape.FLAGS, ("glasses", "hat")): Flags({"glasses": 0.875, "hat": 0.125}),
    Output("mesh", Shape.POINTS): Points(((1.5, 2.25), (3.0, 4.0)), "two"),
    Output("pose", Shape.VECTOR, ("yaw", "pitch", "roll"), unit="degrees"): Vector((1.5, -2.5, 0.0)),
    Output("embedding", Shape.VECTOR, public=False): Vector((0.25, 0.5)),
    Output("hair_mask", Shape.MASK): Mask(b"\x89PNG", 3, 2),
}


class Shapes(FaceReader):
    """In service, but never asked."""

    card = ModelCard("shapes", "1", "ef" * 32, licence="as the tests'")
    crop = Crop(XCLOUD_5, 64)
    gives = frozenset(output.name for output in OF_EVERY_SHAPE)

    def read(self, *args: object) -> list[Answers]:
        raise AssertionError


def test_an_answer_of_any_shape_is_read_back_as_it_was_and_shown_by_its_shape(caller: Caller, registries: None) -> None:
    answers = {register(output).name: answer for output, answer in OF_EVERY_SHAPE.items()}
    register_reader(Shapes())
    run = ModelRun("shapes", "1", "ef" * 32, 1.5, frozenset(answers))
    face = face_result(attributes=answers)
    saved = analysis_save(analysis_result(face, models=(run,)), AnalysisRequest(b"", Source.UPLOAD), caller)
    row = Analysis.objects.get(pk=saved.pk)
    kept = {name: answer for name, answer in answers.items() if name != "embedding"}
    assert dict(row.faces.get().attributes) == kept  # a face's vector is sealed in a table of its own
    shown = AnalysisSerializer(row).data
    assert shown["models"] == [{"name": "shapes", "version": "1", "sha256": "ef" * 32, "ms": 1.5}]
    assert shown["faces"][0]["attributes"] == {
        "hair": {"label": "fair", "abstained": False, "probabilities": {"dark": 0.25, "fair": 0.75}},
        "smile": {"value": 0.5, "scale": [0.0, 1.0], "interval": None, "coverage": None, "abstained": False},
        "weight": {"value": 70.5, "interval": [60.0, 80.0], "coverage": 0.5, "abstained": False},
        "worn": {"probabilities": {"glasses": 0.875, "hat": 0.125}},
        "mesh": {"scheme": "two", "points": [[1.5, 2.25], [3.0, 4.0]]},
        "pose": {"values": {"yaw": 1.5, "pitch": -2.5, "roll": 0.0}},
        "hair_mask": {"png": "iVBORw==", "width": 3, "height": 2},
    }
    # What is not public is not in an answer, and a key cannot ask for it.
    assert caller.attributes >= {*DEFAULT_OUTPUTS, *kept}
    assert "embedding" not in caller.attributes
    cells = next(analysis_rows({}, row, frozenset(answers)))
    columns = [name for output in OF_EVERY_SHAPE if output.name in kept for name in output_columns(output)]
    assert {name: cells[name] for name in columns} == {
        "hair": "fair", "hair_dark": 0.25, "hair_fair": 0.75, "hair_abstained": False,
        "smile": 0.5, "smile_low": None, "smile_high": None, "smile_abstained": False,
        "weight": 70.5, "weight_low": 60.0, "weight_high": 80.0, "weight_abstained": False,
        "worn_glasses": 0.875, "worn_hat": 0.125, "mesh": "[[1.5, 2.25], [3.0, 4.0]]",
        "pose_yaw": 1.5, "pose_pitch": -2.5, "pose_roll": 0.0, "hair_mask": "iVBORw==",
    }  # fmt: skip
    said = {output.name: say(answer, output) for output, answer in OF_EVERY_SHAPE.items()}
    assert said == {
        "hair": "Fair", "smile": "0.5", "weight": "70.5", "worn": "glasses", "mesh": "2 points (two)",
        "pose": "yaw 1.5, pitch -2.5, roll 0.0 degrees", "embedding": "0.2, 0.5", "hair_mask": "3 × 2 pixels",
    }  # fmt: skip
