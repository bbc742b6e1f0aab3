"""The live page with Chromium's fake camera: it describes, keeps moments, stores nothing, and explains every stop."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from cv.models import Analysis
from tests.browser.conftest import SWITCHES
from tests.chromium import find_chromium

# As browsers refuse a camera.
FAILING = """(name) => {
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("because", name); };
}"""
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def video(astronaut: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eileen Collins, who smiles, moving a little: 640 × 480, as JPEGs one after the other."""
    portrait = Image.open(io.BytesIO(astronaut)).convert("RGB")
    file = tmp_path_factory.mktemp("camera") / "astronaut.mjpeg"
    with file.open("wb") as frames:
        for step in (*range(0, 40, 2), *range(40, 0, -2)):
            frame = Image.new("RGB", (640, 480), (90, 90, 90))
            frame.paste(portrait, (40 + step, 0))
            frame.save(frames, "JPEG", quality=90)
    return file


@pytest.fixture(scope="module")
def camera(browser: Browser, video: Path) -> Iterator[Browser]:
    """Chromium whose camera shows the video."""
    switches = [*SWITCHES, "--no-sandbox", f"--use-file-for-fake-video-capture={video}"]
    with browser.browser_type.launch(executable_path=find_chromium(), args=switches) as launched:
        yield launched


@pytest.fixture
def live(camera: Browser, live_server: LiveServer, client: Client, user: User) -> Iterator[Page]:
    """The page before the camera is started; any script or policy error fails the test."""
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context = camera.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: said.type == "error" and "Failed to load" not in said.text and complaints.append(said.text),
    )
    page.goto(f"{live_server.url}/live/")
    yield page
    context.close()
    assert complaints == []


# The middle of the stage and of the first mark, in pixels from the left.
MIDDLES = """() => ["#live-stage", ".live-mark"].map((part) => {
  const { left, width } = document.querySelector(part).getBoundingClientRect();
  return left + width / 2;
})"""


def start(page: Page) -> None:
    page.get_by_role("button", name="Start the camera").click()


def test_the_picture_is_described_a_smile_is_kept_and_nothing_is_stored(live: Page) -> None:
    expect(live.get_by_text("Nothing is stored")).to_be_visible()
    start(live)
    expect(live.locator("#status")).to_have_text("1 face")
    expect(live.locator("#faces li")).to_contain_text("happy")
    expect(live.locator(".live-tag")).to_contain_text("Happiness")
    # The mark is where the face is, as in a mirror: the face is left of the video's middle.
    # Both are read at once: each frame replaces the mark.
    stage, mark = live.evaluate(MIDDLES)
    assert mark > stage
    still = live.locator("#stills a")
    expect(still).to_have_count(1)
    assert still.get_attribute("download") == "happiness-1.jpg"
    expect(still.locator("img")).to_have_js_property("naturalWidth", 640)
    expect(live.locator("#rate")).to_contain_text("frames a second")
    live.get_by_role("button", name="Stop").click()
    expect(live.get_by_role("button", name="Start the camera")).to_be_focused()
    expect(live.locator("#live-stage")).to_be_hidden()
    # The smile holds all the time, so there is one still of it.
    expect(still).to_have_count(1)
    assert not Analysis.objects.exists()


def test_at_most_one_frame_is_on_its_way(live: Page) -> None:
    under_way, most = 0, 0

    def counted(route: Route) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        response = route.fetch()
        under_way -= 1
        route.fulfill(response=response)

    live.route("**/api/v1/analyses", counted)
    start(live)
    expect(live.locator("#rate")).to_contain_text("frames a second")
    live.unroute_all(behavior="ignoreErrors")
    assert most == 1


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("NotFoundError", "The camera cannot be used"),
        ("NotAllowedError", "This page may not use the camera"),
        ("NotReadableError", "The camera is in use"),
    ],
)
def test_why_there_is_no_camera_is_said(live: Page, name: str, title: str) -> None:
    live.evaluate(FAILING, name)
    start(live)
    expect(live.get_by_role("alert")).to_contain_text(title)
    expect(live.get_by_role("button", name="Start the camera")).to_be_enabled()


def test_without_https_the_page_says_what_to_do(live: Page) -> None:
    live.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    start(live)
    expect(live.get_by_role("alert")).to_contain_text("Open the page over HTTPS.")


def test_a_camera_that_is_taken_away_ends_it(live: Page) -> None:
    start(live)
    expect(live.locator("#status")).to_have_text("1 face")
    live.evaluate("document.querySelector('video').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    expect(live.get_by_role("alert")).to_contain_text("The camera has stopped")
    live.get_by_role("button", name="Try again").click()
    expect(live.locator("#status")).to_have_text("1 face")


def test_a_busy_server_is_asked_again_when_it_says(live: Page) -> None:
    asked: list[float] = []

    def busy(route: Route) -> None:
        asked.append(time.monotonic())
        body = '{"error": {"code": "overloaded", "message": "too many images", "details": {}}, "request_id": "1"}'
        if len(asked) == 1:
            route.fulfill(status=503, content_type="application/json", headers={"Retry-After": "2"}, body=body)
        else:
            route.continue_()

    live.route("**/api/v1/analyses", busy)
    start(live)
    expect(live.locator("#status")).to_contain_text("The server is busy. It goes on in")
    expect(live.locator("#status")).to_have_text("1 face")
    assert asked[1] - asked[0] >= 1.9


def test_a_late_frame_is_left_out_and_the_next_one_described(live: Page) -> None:
    kept: list[Route] = []

    def late(route: Route) -> None:
        if kept:
            route.continue_()
        else:
            kept.append(route)

    live.route("**/api/v1/analyses", late)
    start(live)
    expect(live.locator("#late")).to_contain_text("1 frame came back too late and was left out")
    expect(live.locator("#status")).to_have_text("1 face")


def test_while_the_page_is_hidden_no_frame_is_sent(live: Page) -> None:
    start(live)
    expect(live.locator("#status")).to_have_text("1 face")
    live.evaluate(HIDE, True)
    expect(live.locator("#status")).to_have_text("Paused while this page is hidden.")
    asked: list[str] = []
    live.on("request", lambda request: asked.append(request.url))
    live.wait_for_timeout(500)
    assert asked == []
    live.evaluate(HIDE, False)
    expect(live.locator("#status")).to_have_text("1 face")


def test_a_session_that_ended_stops_the_camera_and_says_so(live: Page) -> None:
    start(live)
    expect(live.locator("#status")).to_have_text("1 face")
    live.context.clear_cookies()
    expect(live.get_by_role("alert")).to_contain_text("You are logged out")
    assert live.evaluate("document.querySelector('video').srcObject") is None


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_extends_past_the_windows_edge(live: Page, width: int) -> None:
    live.set_viewport_size({"width": width, "height": 800})
    start(live)
    expect(live.locator(".live-mark")).to_have_count(1)
    assert live.evaluate("document.documentElement.scrollWidth") <= width


FLICKER = """async () => {
    const { Tracks } = await import("/static/js/tracks.js");
    const tracks = new Tracks();
    const shown = { ages: [], labels: [], numbers: [] };
    for (let frame = 0; frame < 60; frame++) {
        const odd = frame % 2;
        const happy = odd ? 0.46 : 0.54;
        const face = {
            box: { x: 100 + odd, y: 100, width: 80, height: 100 },
            attributes: {
                age: { value: odd ? 24 : 40, interval: [odd ? 14 : 30, odd ? 34 : 50], abstained: false },
                expression: {
                    label: happy > 0.5 ? "happiness" : "neutral", abstained: happy > 0.5,
                    probabilities: { happiness: happy, neutral: 1 - happy },
                },
            },
        };
        const [track] = tracks.update([face], frame / 10);
        shown.ages.push(track.face.attributes.age.value);
        shown.labels.push(track.face.attributes.expression.label);
        shown.numbers.push(track.number);
    }
    return shown;
}"""
TWO = """async (frames) => {
    const { Tracks } = await import("/static/js/tracks.js");
    const tracks = new Tracks();
    return frames.map(([time, ...xs]) =>
        tracks.update(xs.map((x) => ({ box: { x, y: 0, width: 100, height: 100 }, attributes: {} })), time)
            .map(({ number, raw }) => [number, raw.box.x]).sort());
}"""
HOLDS = """async (frames) => {
    const { Moments } = await import("/static/js/moments.js");
    const kept = [];
    const moments = new Moments((picture, share) => kept.push([picture, share]));
    for (const [time, happiness] of frames) {
        const raw = { attributes: { expression: { probabilities: { happiness } } } };
        moments.look([{ number: 1, raw }], "happiness", time, () => `picture of ${time}`);
    }
    return kept;
}"""


def test_age_and_expression_of_a_track_do_not_flicker(live: Page) -> None:
    shown = live.evaluate(FLICKER)

    assert len(set(shown["labels"])) == 1
    assert set(shown["numbers"]) == {1}
    late = shown["ages"][30:]
    assert max(late) - min(late) < 1.5
    assert sum(late) / len(late) == pytest.approx(32, abs=2.5)


def test_two_faces_keep_their_tracks_and_one_that_was_away_gets_a_new_number(live: Page) -> None:
    frames = [[0, 0, 300], [0.1, 320, 15], [0.2, 340], [0.6, 30, 350], [2.0, 30], [2.1], [3.0, 30]]

    assert live.evaluate(TWO, frames) == [
        [[1, 0], [2, 300]],
        [[1, 15], [2, 320]],
        [[2, 340]],
        [[1, 30], [2, 350]],
        # Frames were rare, but it was in each of them.
        [[1, 30]],
        [],
        [[3, 30]],
    ]


def test_a_still_is_the_clearest_moment_of_a_hold_of_half_a_second(live: Page) -> None:
    short = [[0, 0.9], [0.3, 0.9], [0.4, 0.1]]
    holds = [[1.0, 0.7], [1.2, 0.95], [1.4, 0.8], [1.5, 0.7], [1.7, 0.99], [1.8, 0.2]]
    again = [[2.0, 0.8], [2.5, 0.7]]

    assert live.evaluate(HOLDS, short) == []
    assert live.evaluate(HOLDS, [*short, *holds]) == [["picture of 1.2", 0.95]]
    assert live.evaluate(HOLDS, [*short, *holds, *again]) == [["picture of 1.2", 0.95], ["picture of 2", 0.8]]
