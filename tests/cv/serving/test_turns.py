"""A caller holds at most half, and the next turn goes to the caller that has used the least time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cv.serving.gate import EngineGate, Overloaded
from cv.serving.shares import Shares
from cv.serving.turns import DEAR_S, HELD_S, LEFT_S, LONG_S, FairTurns, NoTurn


def turns_of(at_once: int, *known: str, ahead: int = 0) -> FairTurns:
    """Turns at which these callers had a short one before."""
    turns = FairTurns(at_once, ahead)
    for caller in known:
        with turns.turn(caller, 1):
            pass
    return turns


def test_a_caller_gets_half_and_all_together_get_all() -> None:
    shares = Shares(5)
    assert [shares.take("a") for _ in range(3)] == [True, True, False]
    assert [shares.take("b") for _ in range(3)] == [True, True, False]
    assert [shares.take("c") for _ in range(2)] == [True, False]
    shares.give_back("a")
    assert shares.take("c")
    assert Shares(1).take("alone")


def test_amounts_count_and_strangers_leave_nothing_behind() -> None:
    shares = Shares(100)
    assert not shares.take("a", 51)
    assert shares.take("a", 50)
    shares.give_back("a", 50)
    assert not shares._held


def test_two_quick_images_wait_for_one_slow_one_and_not_for_thirty(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("cv.serving.turns.time.monotonic", lambda: clock[0])
    turns, order, begun, all_wait = FairTurns(1), list[str](), threading.Event(), threading.Event()

    def work(caller: str, seconds: float) -> None:
        with turns.turn(caller):
            order.append(caller)
            begun.set()
            all_wait.wait()
            clock[0] += seconds

    with ThreadPoolExecutor(32) as pool:
        for _ in range(30):
            pool.submit(work, "slow", 1.0)
        begun.wait()
        for _ in range(2):
            pool.submit(work, "quick", 0.01)
        while sum(map(len, turns._lines.values())) < 31:
            time.sleep(0.001)
        all_wait.set()
    assert order == ["slow", "quick", "quick"] + ["slow"] * 29


def test_the_image_of_a_caller_without_a_turn_is_the_next_one_at_the_engines() -> None:
    turns = turns_of(2, "storm", ahead=1)
    with turns.turn("storm", 0.01) as storms, turns.turn("storm", 0.01):
        time.sleep(0.002)
        with pytest.raises(NoTurn), turns.turn("storm", 0.01):
            pass
        with turns.turn("other", 0.01) as others:
            assert others() < storms()
            with pytest.raises(NoTurn), turns.turn("other", 0.01):
                pass
            with pytest.raises(NoTurn), turns.turn("third", 0.01):
                pass
        with turns.turn("third", 0.01):
            pass


def test_a_caller_that_sends_one_image_after_the_other_does_not_come_back_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr("cv.serving.turns.time.monotonic", lambda: clock[0])
    turns = FairTurns(2)
    with turns.turn("stays"):
        for seconds in (1, 2, 3):
            with turns.turn("comes back", 0.01) as seconds_used:
                clock[0] += 1
                assert seconds_used() == seconds
    with turns.turn("stays"), turns.turn("comes back") as seconds_used:
        assert seconds_used() < 3


def test_a_turn_that_does_not_come_in_time_is_none_and_costs_nothing() -> None:
    turns = FairTurns(1)
    with turns.turn("a"), pytest.raises(NoTurn), turns.turn("b", 0.01):
        pass
    with turns.turn("b", 0.01):
        pass
    assert not turns._spent
    assert not turns._lines
    assert not turns._running


def test_the_gate_says_in_which_way_it_is_overloaded() -> None:
    gate = EngineGate(places=2, at_once=1)
    with gate.admitted("a", 1) as admission:
        assert 0.5 < admission.patience_s <= 1
        with pytest.raises(Overloaded, match="too many images"), gate.admitted("a", 0.01):
            pass
        with pytest.raises(Overloaded, match="no engine"), gate.admitted("b", 0.01):
            pass
    with gate.admitted("b", 1):
        pass


def test_who_had_a_long_turn_is_held_to_half_even_if_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("cv.serving.turns.time.monotonic", lambda: clock[0])
    turns = turns_of(2, "bombs")
    with turns.turn("bombs"), turns.turn("bombs"):
        clock[0] += LONG_S + 1
    with turns.turn("bombs"):
        with pytest.raises(NoTurn), turns.turn("bombs", 0.01):
            pass
        with turns.turn("photos", 0.01):
            pass
    clock[0] += HELD_S + 1
    with turns.turn("bombs", 0.01), pytest.raises(NoTurn), turns.turn("bombs", 0.01):
        pass
    with turns.turn("bombs", 0.01), turns.turn("bombs", 0.01):
        pass


def test_the_first_images_of_a_caller_hold_half_of_the_engines_until_one_has_ended() -> None:
    turns = FairTurns(4)
    with turns.turn("new", 0.01):
        with turns.turn("new", 0.01):
            with pytest.raises(NoTurn), turns.turn("new", 0.01):
                pass
            with turns.turn("other", 0.01), turns.turn("other", 0.01):
                pass
        with turns.turn("new", 0.01), turns.turn("new", 0.01), turns.turn("new", 0.01):
            pass


def test_a_caller_with_expensive_images_leaves_an_engine_to_a_caller_that_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr("cv.serving.turns.time.monotonic", lambda: clock[0])
    # As for two engines.
    turns = turns_of(3, "dear")
    # Alone, it gets everything.
    for _ in range(2):
        with turns.turn("dear", 0.01), turns.turn("dear", 0.01), turns.turn("dear", 0.01):
            clock[0] += DEAR_S + 0.1
    with turns.turn("other", 0.01):
        pass
    with turns.turn("dear", 0.01):
        with pytest.raises(NoTurn), turns.turn("dear", 0.01):
            pass
        with turns.turn("other", 0.01), turns.turn("other", 0.01):
            pass
        clock[0] += DEAR_S + 0.1
    # No other caller has come for a while.
    clock[0] += LEFT_S
    with turns.turn("dear", 0.01), turns.turn("dear", 0.01), turns.turn("dear", 0.01):
        pass


def test_a_single_engine_is_given_to_a_caller_with_expensive_images(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("cv.serving.turns.time.monotonic", lambda: clock[0])
    turns = turns_of(2, "dear", "other")
    with turns.turn("dear", 0.01):
        clock[0] += DEAR_S + 0.1
    with turns.turn("other", 0.01):
        pass
    with turns.turn("dear", 0.01), turns.turn("dear", 0.01):
        pass


def test_cheap_images_of_two_callers_use_all_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("cv.serving.turns.time.monotonic", lambda: clock[0])
    turns = turns_of(3, "a", "b")
    for caller in ("a", "b", "a"):
        with turns.turn(caller, 0.01), turns.turn(caller, 0.01), turns.turn(caller, 0.01):
            clock[0] += DEAR_S - 0.1
