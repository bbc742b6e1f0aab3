"""What `make test` reports about services that it cannot test against."""

import socket
from collections.abc import Iterator

import pytest

from tests.run import Report, Service, Step, run_lanes


def refuse(url: str) -> None:
    raise ConnectionError("connection refused\nand a second line")


def accept(url: str) -> None:
    pass


@pytest.fixture
def listening() -> Iterator[int]:
    """A port on which a server listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_service_that_refuses_is_named_with_its_first_line(closed: int) -> None:
    assert Service("X", f"x://127.0.0.1:{closed}", (), refuse).unusable() == "connection refused"
    assert Service("X", f"x://127.0.0.1:{closed}", (), accept).unusable() == ""


def test_a_service_is_expected_if_it_answers_or_is_installed(listening: int, closed: int) -> None:
    assert Service("X", f"x://127.0.0.1:{listening}", (), refuse).expected()
    assert Service("X", f"x://127.0.0.1:{closed}", ("sh",), refuse).expected()
    assert not Service("X", f"x://127.0.0.1:{closed}", ("no-such-program",), refuse).expected()


def test_a_skip_is_reported_and_fails_only_if_it_is_not_allowed() -> None:
    report = Report()
    report.skip("tests on X", "not usable: refused", failure=False)
    assert (report.failed, report.lines) == (False, ["not run  tests on X: not usable: refused"])
    report.skip("tests on Y", "not usable: refused", failure=True)
    assert (report.failed, report.lines[1]) == (True, "FAILED   tests on Y: not usable: refused")


def test_lanes_run_at_the_same_time_and_a_failed_step_does_not_end_its_lane(capfd: pytest.CaptureFixture[str]) -> None:
    """The first lane's step waits for a connection that the second lane makes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    wait = f"import socket; socket.create_server(('127.0.0.1', {port})).accept()"
    call = f"""
import socket, time
while socket.socket().connect_ex(('127.0.0.1', {port})): time.sleep(0.05)
"""
    report = Report()

    run_lanes(report, [program("waits", wait)], [program("fails", "print('why'); exit(3)"), program("calls", call)])

    ended = {line.rsplit(" (", 1)[0] for line in report.lines}
    assert ended == {"passed   waits", "FAILED   fails", "passed   calls"}
    assert report.failed
    assert "== fails\nwhy\n" in capfd.readouterr().out


def program(what: str, source: str) -> Step:
    """A step that runs ``source`` in a Python of its own."""
    return Step(what, ("timeit", "-n1", "-r1", source))
