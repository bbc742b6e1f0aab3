"""A crowd of one caller's requests waits outside of the application, and is refused at a low rate."""

import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cv.serving.shares import Share, Shares
from tests.xcloud.server.serving import served
from tests.xcloud.server.test_worker import ask
from xcloud.server import crowd
from xcloud.server.crowd import HELD_S, MOST_KNOWN, REFUSED_EVERY_S, Crowd

CALL = ("key:1", "POST", "/api/v1/analyses")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("var"), threads=12) as number:
        yield number


def test_a_crowd_is_refused_at_a_low_rate_and_holds_no_thread(port: int) -> None:
    starts = time.monotonic()
    until = starts + 3
    answers = Counter[int]()

    def storm(number: int) -> Counter[int]:
        counted = Counter[int]()
        # Each with other spaces before the key, as callers who want to look like many.
        key = f"{' ' * number}greedy"
        while time.monotonic() < until:
            counted[ask(port, "/image", b"photo", key)[0]] += 1
        return counted

    with ThreadPoolExecutor(20) as clients:
        storms = [clients.submit(storm, number) for number in range(20)]
        time.sleep(1)
        for path, body in (("/image", None), ("/image", b"photo")):
            began = time.monotonic()
            assert ask(port, path, body, "modest")[0] == 200
            assert time.monotonic() - began < 1.5
        # Neither a list of the same caller waits behind its images.
        began = time.monotonic()
        assert ask(port, "/image", None, "greedy")[0] == 200
        assert time.monotonic() - began < 0.5
        for client in storms:
            answers += client.result()
    assert set(answers) == {200, 503}
    # Two places for half a second each.
    assert answers[200] >= 8
    # Some are let through in the moments in which a place is free.
    assert answers[503] <= 1.5 * (time.monotonic() - starts) / REFUSED_EVERY_S + 20


def test_requests_whose_clients_have_left_are_given_up(port: int) -> None:
    photo = ("/image", b"photo", "hasty")
    sent = b"POST /image HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer hasty\r\nContent-Length: 1\r\n\r\na"
    assert ask(port, *photo)[0] == 200
    with ThreadPoolExecutor(2) as clients:
        served_now = [clients.submit(ask, port, *photo) for _ in range(2)]
        time.sleep(0.2)
        for _ in range(80):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(sent)
        assert {client.result()[0] for client in served_now} == {200}
    time.sleep(2)
    # Eighty refusals would take four seconds.
    began = time.monotonic()
    assert ask(port, *photo)[0] == 200
    assert time.monotonic() - began < 1


def test_while_a_caller_has_all_its_places_few_of_its_requests_are_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(crowd.time, "monotonic", lambda: now)
    places, known = Shares(4), Crowd()
    assert known.lets_through(CALL)
    known.learn(CALL, Share(places, "user:1"))
    places.take("user:1")
    assert known.lets_through(CALL)
    places.take("user:1")
    known.learn(("key:2", *CALL[1:]), Share(places, "user:1"))
    known.learn(("key:3", *CALL[1:]), Share(places, "user:3"))
    assert known.lets_through(CALL)
    # Another key of the same user, another user, another route.
    assert not known.lets_through(("key:2", *CALL[1:]))
    assert known.lets_through(("key:3", *CALL[1:]))
    assert known.lets_through(("key:1", "GET", "/api/v1/analyses"))
    now = REFUSED_EVERY_S
    assert known.lets_through(CALL)
    assert not known.lets_through(CALL, HELD_S - 1)
    assert known.lets_through(CALL, HELD_S)
    places.give_back("user:1")
    assert known.lets_through(CALL)


def test_what_is_known_of_callers_is_bounded() -> None:
    places, known = Shares(2), Crowd()
    places.take("user:1")
    for number in range(MOST_KNOWN + 10):
        known.learn((f"key:{number}", *CALL[1:]), Share(places, "user:1"))
    assert len(known._shares) == MOST_KNOWN
    assert known.lets_through(("key:0", *CALL[1:]))
    assert known.lets_through((f"key:{MOST_KNOWN}", *CALL[1:]))
    assert not known.lets_through((f"key:{MOST_KNOWN}", *CALL[1:]))
