"""The memory limits of an engine's process, each tested in a new process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no /proc")


def printed_by(code: str) -> str:
    """The output of the code in a new interpreter that has a ``footprint``."""
    start = "from cv.engine.footprint import Footprint\nfootprint = Footprint(1, threads=None)\n"
    result = subprocess.run([sys.executable, "-c", start + code], cwd=ROOT, check=True, capture_output=True, text=True)
    return result.stdout.strip()


def test_memory_that_is_freed_is_no_reason_to_end() -> None:
    code = "parts = [bytes(50_000) for _ in range(4_000)]\nkept, parts = parts[::1000], None\n"
    code += "print(footprint.stays_large())"
    assert printed_by(code) == "False"


def test_memory_that_stays_is() -> None:
    assert printed_by("kept = b'x' * 200_000_000\nprint(footprint.stays_large())") == "True"


def test_the_memory_of_a_model_that_was_loaded_later_is_no_images() -> None:
    code = "kept = b'x' * 200_000_000\nfootprint.note_models(2)\nprint(footprint.stays_large())"
    assert printed_by(code) == "False"


def test_an_idle_engine_returns_the_memory_of_its_last_images() -> None:
    code = """
import threading, time
from multiprocessing import Pipe
from cv.engine import answering
from cv.engine.config import EngineConfig
from cv.engine.footprint import _bytes_used

def answer(*_):
    global kept
    parts = [b"x" * (50_000 + i) for i in range(4_000)]
    kept = parts[::1000]

def ask():
    ours.send(None)
    answers = [ours.recv_bytes(), ours.recv_bytes()]
    busy, until = _bytes_used()[1], time.monotonic() + 20
    while _bytes_used()[1] > busy - 150_000_000 and time.monotonic() < until:
        time.sleep(0.05)
    print(answers[0], time.monotonic() < until)
    ours.close()

answering.IDLE_S, answering._answer, answering._models_loaded = 0.3, answer, lambda config: 0
ours, theirs = Pipe()
threading.Thread(target=ask).start()
answering.serve(theirs, EngineConfig())
"""
    assert printed_by(code) == "b'loaded' True"


def test_what_is_far_more_than_an_image_may_take_is_not_given() -> None:
    code = """
footprint = Footprint(1, threads=1)
kept = bytearray(1_000_000_000)
try:
    bytearray(1_000_000_000)
except MemoryError:
    print("refused")
"""
    assert printed_by(code) == "refused"
