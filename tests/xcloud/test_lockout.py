"""Log-ins are limited by address before a password is checked, and passwords are checked one at a time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from cv.trust.rates import count_this_minute, household
from xcloud import lockout
from xcloud.lockout import OneAtATimeBackend


@pytest.fixture(autouse=True)
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps each test within a single minute."""
    monkeypatch.setattr("cv.trust.rates.time.time", lambda: 1_000_000_000.0)


def test_an_address_has_so_many_log_ins_a_minute_whatever_the_names(user: User, settings: Settings) -> None:
    settings.XCLOUD_LOGIN_RATE = 3
    form = {"username": "", "password": "wrong"}
    codes = [Client().post("/login/", form | {"username": f"name{number}"}).status_code for number in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    right = {"username": "ada", "password": "a-good-password"}
    refused = Client().post("/login/", right)
    assert (refused.status_code, refused["Retry-After"]) == (429, "20")
    assert Client().post("/login/", right, REMOTE_ADDR="192.0.2.7").status_code != 429
    assert Client().get("/login/").status_code == 200


def test_an_address_has_a_few_log_ins_at_once(user: User) -> None:
    here = "127.0.0.1"
    held = [lockout._WAITING.take(here) for _ in range(5)]
    try:
        assert held == [True] * 4 + [False]
        form = {"username": "ada", "password": "a-good-password"}
        answer = Client().post("/login/", form)
        assert (answer.status_code, answer["Retry-After"]) == (429, "2")
        assert Client().post("/login/", form, REMOTE_ADDR="192.0.2.7").status_code == 302
    finally:
        for taken in held:
            if taken:
                lockout._WAITING.give_back(here)
    assert Client().post("/login/", form).status_code == 302


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_a_subscriber_counts_as_one_with_all_addresses(address: str, expected: str) -> None:
    assert household(address) == expected


def test_counters_survive_thousands_of_other_callers() -> None:
    assert [count_this_minute("first") for _ in range(3)] == [1, 2, 3]
    for number in range(5000):
        count_this_minute(f"other{number}")
    assert count_this_minute("first") == 4
    cache.clear()


def test_passwords_are_looked_at_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, most, lock = [0], [0], threading.Lock()

    def look(*_: Any, **__: Any) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1

    monkeypatch.setattr(ModelBackend, "authenticate", look)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(OneAtATimeBackend().authenticate, None, username="ada", password="x")
    assert most == [1]
