"""The card of a face shows what a plugin answered, by its shape and with nothing edited for it."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.choices import Source
from cv.engine.align import XCLOUD_5, Crop
from cv.engine.model_card import ModelCard
from cv.engine.outputs import Output, Shape, register
from cv.engine.readers.base import FaceReader, register_reader
from cv.engine.types import Answer, Answers, Category, Estimate, Flags, Mask, ModelRun, Points, Vector
from cv.services import AnalysisRequest, analysis_save
from cv.trust.caller import Caller
from tests.factories import RUN, analysis_result, described

FURTHER: dict[Output, Answer] = {
    Output("hair", Shape.CATEGORY, ("dark", "fair")): Category("fair", {"dark": 0.25, "fair": 0.75}),
    Output("weight", Shape.ESTIMATE, unit="kg"): Estimate(70.5),
    Output("worn", Shape.FLAGS, ("glasses", "hat")): Flags({"glasses": 0.875, "hat": 0.125}),
    Output("mesh", Shape.POINTS): Points(((1.5, 2.25), (3.0, 4.0)), "two"),
    Output("embedding_128", Shape.VECTOR): Vector((0.25,) * 128),
    Output("hair_mask", Shape.MASK): Mask(b"\x89PNG", 3, 2),
}


class Further(FaceReader):
    """In service, but never asked."""

    card = ModelCard("further", "1", "ef" * 32, licence="as the tests'")
    crop = Crop(XCLOUD_5, 64)
    gives = frozenset(output.name for output in FURTHER)

    def read(self, *args: object) -> list[Answers]:
        raise AssertionError


@pytest.mark.usefixtures("plugin")
def test_a_card_shows_every_answer_by_its_shape(start: Page, live_server: LiveServer, user: User) -> None:
    answers = {register(output).name: answer for output, answer in FURTHER.items()}
    register_reader(Further())
    answers["mean_colour"] = Vector((151.5, 115.75, 100.625))
    face = described(**answers)
    result = analysis_result(face, models=(RUN, ModelRun("toy", "1", "ef" * 32, 0.5, frozenset(answers))))
    row = analysis_save(result, AnalysisRequest(b"", Source.UPLOAD), Caller(user=user))

    start.goto(f"{live_server.url}/analyses/{row.pk}/")

    card = start.locator(".card")
    expect(card.get_by_role("heading", level=3)).to_have_text("Face 1 Female, about 31, happy")
    headings = card.get_by_role("heading", level=4)
    expect(headings).to_have_text(
        ["Age26–38", "Beauty4.5–7.3", "Weight", "Gendervery sure", "Racefairly sure", "Expressionfairly sure",
         "Hairfairly sure", "Mesh", "Mean colour", "Worn", "Embedding 128", "Hair mask"]
    )  # fmt: skip
    expect(card.locator(".reading p")).to_have_text(
        ["70.5 kg", "2 points (two)", "red 151.5, green 115.8, blue 100.6 of 255", "128 numbers", "3 × 2 px"]
    )
    expect(card.locator(".card-others .bars li")).to_have_text(["glasses88 %", "hat13 %"])
