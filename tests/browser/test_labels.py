"""People say what is right about a face, and see how right the service is on their faces."""

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.models import FaceLabel
from cv.trust.caller import Caller
from tests.browser.test_everyone import faults
from tests.factories import described, stored_analysis


def test_what_is_right_is_said_under_the_face_and_counted_on_its_page(
    start: Page, live_server: LiveServer, user: User
) -> None:
    row = stored_analysis(Caller(user=user), described())
    start.set_viewport_size({"width": 360, "height": 800})
    start.goto(f"{live_server.url}/analyses/{row.pk}/")
    start.get_by_role("button", name="This is wrong").click()
    form = start.get_by_role("form", name="What is right about face 1")
    form.get_by_label("Age").fill("35")
    form.get_by_role("button", name="All as answered").click()
    form.get_by_label("Gender").select_option("Male")
    form.get_by_label("Expression").select_option("–")
    assert faults(start) == []
    form.get_by_role("button", name="Save").click()
    expect(start.get_by_text("You say: Age 35, Gender Male, Race Black")).to_be_visible()
    assert dict(FaceLabel.objects.values_list("output", "value")) == {"age": 35.0, "gender": "male", "race": "black"}
    start.reload()
    expect(start.get_by_text("You say: Age 35, Gender Male, Race Black")).to_be_visible()
    start.goto(f"{live_server.url}/measure/")
    gender = start.get_by_role("row", name="Gender")
    expect(gender).to_contain_text("0 % (0–79 %)")
    expect(gender).to_contain_text("Male → Female ×1")
    expect(start.get_by_role("row", name="Race")).to_contain_text("100 % (21–100 %)")
    expect(start.get_by_role("row", name="Age")).to_contain_text("3.8 off on average")
    assert faults(start) == []
    assert start.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_label_that_cannot_be_is_refused_beside_its_field(start: Page, live_server: LiveServer, user: User) -> None:
    row = stored_analysis(Caller(user=user), described())
    start.goto(f"{live_server.url}/analyses/{row.pk}/")
    start.get_by_role("button", name="This is wrong").click()
    start.get_by_role("spinbutton", name="Age").fill("300")
    start.get_by_role("button", name="Save").click()
    assert start.get_by_role("spinbutton", name="Age").evaluate("field => field.validity.rangeOverflow")
    assert not FaceLabel.objects.exists()
