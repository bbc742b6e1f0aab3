"""Runs each engine in its own process, isolated from the server's GIL and from crashes.

The nets compute without the GIL, so threads would suffice for them. But the engine also runs hundreds of short steps in
Python, and in the server's process each step waits for the GIL: requests cost a fifth of the engine's throughput. If an
image crashes a decoder, only one engine ends, and it is started again; the server continues.
"""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final

from cv.engine.answering import LEAVES, PART, Question
from cv.engine.catalog import read_catalog
from cv.engine.config import EngineConfig
from cv.engine.edits.types import Edit, EditedPicture
from cv.engine.errors import ImageTooExpensive, VideoTooExpensive
from cv.engine.types import DEFAULT_OPTIONS, AnalysisOptions, AnalysisResult
from cv.engine.video.types import VideoQuestion, VideoResult

# Runs in a new interpreter. multiprocessing would first import the server's main program in it, and would start another
# process, of 12 MB.
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[2:]; from cv.engine.answering import run; run(int(sys.argv[1]))"
# Time limit for an engine to load its weights.
LOADING_S: Final = 120.0


def _nothing_first() -> None:
    """For callers that have nothing to do when their turn comes."""


def _ignore(share: float) -> None:
    """For callers that do not ask how far their video is."""


def _no_rank() -> float:
    """For callers whose images are served in the order in which they come."""
    return 0.0


class EngineDied(Exception):
    """The engine's process ended or was killed while it worked on an image, twice."""


class EnginesBusy(Exception):
    """No engine became free within the caller's patience."""


class EnginePool:
    """``size`` engines. Thread-safe; build it with ``get_pool``. An engine is started when it is first needed.

    The image with the lowest rank is next, and of equal ones the first. The thread that receives an answer first hands
    over the next image and then handles the answer, so that the engine does not idle until another thread gets the GIL.
    """

    def __init__(self, config: EngineConfig, size: int) -> None:
        self.catalog = read_catalog(config)
        self.card = self.catalog.card
        self._lock = threading.Lock()
        # Last in, first out: if there are few requests, few engines stay warm.
        self._idle = [_Engine(config) for _ in range(size)]
        # While an engine is idle, a request stays in this queue only for a moment.
        self._line: list[_Turn] = []
        # The number of questions in progress, and the time since which none was answered.
        self._open = 0
        self._silent_since = 0.0

    def analyze(
        self,
        data: bytes,
        options: AnalysisOptions = DEFAULT_OPTIONS,
        on_turn: Callable[[], None] = _nothing_first,
        patience_s: float | None = None,
        rank: Callable[[], float] = _no_rank,
    ) -> AnalysisResult:
        """As ``Engine.analyze``, by the first engine that is free.

        ``on_turn`` is called before the engine is asked, by the thread that hands the image over. If it raises, this
        method raises the same error, and the engine is not asked. If the engine ends, the image is tried once more in
        another process. ``rank`` is asked whenever an engine becomes free while this image waits. Raises EngineError,
        EngineDied, EngineFailed, EnginesBusy if no engine was free within ``patience_s``, and ImageTooExpensive if the
        engine took longer than an image may; the engine is then replaced.
        """
        result: AnalysisResult = self._ask_twice((data, options), on_turn, patience_s, rank)
        return result

    def edit(
        self,
        data: bytes,
        edit: Edit,
        on_turn: Callable[[], None] = _nothing_first,
        patience_s: float | None = None,
        rank: Callable[[], float] = _no_rank,
    ) -> EditedPicture:
        """As ``edit_picture``, by the first engine that is free; turns, tries and errors as for ``analyze``."""
        picture: EditedPicture = self._ask_twice((data, edit), on_turn, patience_s, rank)
        return picture

    def read_video(
        self, question: VideoQuestion, on_part: Callable[[float], None] = _ignore, patience_s: float | None = None
    ) -> VideoResult:
        """As ``cv.engine.video.reading.read_video``, by the first engine that is free, which may work for an hour.

        ``on_part`` is called about once a second with the share of the video that is done, again from 0 in a second
        try. If it raises, the engine is stopped, and this method raises the same error. Tries and errors as for
        ``analyze``, and VideoTooExpensive if an engine tells nothing for as long as an image may take.
        """
        try:
            video: VideoResult = self._ask_twice(question, _nothing_first, patience_s, _no_rank, on_part)
        except ImageTooExpensive as error:
            raise VideoTooExpensive("a part of the video took longer than one image may") from error
        return video

    def _ask_twice(
        self,
        question: Question,
        on_turn: Callable[[], None],
        patience_s: float | None,
        rank: Callable[[], float],
        on_part: Callable[[float], None] = _ignore,
    ) -> Any:
        try:
            return self._ask(question, on_turn, patience_s, rank, on_part)
        except EngineDied:
            return self._ask(question, on_turn, patience_s, rank, on_part)

    def check(self, patience_s: float | None = None) -> None:
        """Returns when an engine is loaded. Raises ModelNotReady, EngineDied, EngineFailed, and EnginesBusy if none
        was free within ``patience_s``.
        """
        self._ask(None, patience_s=patience_s)

    def start(self) -> None:
        """Starts all idle engines that do not run yet, without waiting for them."""
        with self._lock:
            for engine in self._idle:
                engine.start()

    def silent_s(self) -> float:
        """Seconds for which no engine has answered, if questions are in progress; otherwise 0."""
        with self._lock:
            return time.monotonic() - self._silent_since if self._open else 0.0

    def _ask(
        self,
        question: Question,
        on_turn: Callable[[], None] = _nothing_first,
        patience_s: float | None = None,
        rank: Callable[[], float] = _no_rank,
        on_part: Callable[[float], None] = _ignore,
    ) -> Any:
        turn = _Turn(question, on_turn, rank)
        with self._lock:
            self._line.append(turn)
            engine = self._idle.pop() if self._idle else None
        if engine is not None:
            self._hand_over(engine)
        if not turn.came.wait(patience_s):
            with self._lock:
                if turn in self._line:
                    self._line.remove(turn)
                    raise EnginesBusy("no engine was free in time")
            turn.came.wait()
        if turn.refusal is not None:
            raise turn.refusal
        answer = self._answer_of(turn.engine, question, on_part)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _hand_over(self, engine: "_Engine") -> None:
        """Gives the engine the next image in the queue, or marks the engine as idle."""
        while True:
            with self._lock:
                if not self._line:
                    self._idle.append(engine)
                    return
                turn = min(self._line, key=lambda turn: turn.rank())
                self._line.remove(turn)
            with self._lock:
                if not self._open:
                    self._silent_since = time.monotonic()
                self._open += 1
            try:
                turn.on_turn()
                engine.ask(turn.question)
                turn.engine = engine
            except Exception as error:
                turn.refusal = error
                with self._lock:
                    self._open -= 1
            turn.came.set()
            if turn.refusal is None:
                return

    def _answer_of(self, engine: "_Engine", question: Question, on_part: Callable[[float], None]) -> Any:
        def note_part(part: memoryview) -> None:
            with self._lock:
                self._silent_since = time.monotonic()
            on_part(ForkingPickler.loads(part))

        try:
            answer = engine.answer(note_part)
            with self._lock:
                self._silent_since = time.monotonic()
        except TimeoutError as error:
            if question is None:
                raise EngineDied("the engine did not answer") from error
            raise ImageTooExpensive("the image took longer than one image may") from error
        except (OSError, EOFError) as error:
            raise EngineDied("the engine's process ended") from error
        finally:
            # The next question first: several images in a row that are too expensive count as one silence.
            self._hand_over(engine)
            with self._lock:
                self._open -= 1
        return ForkingPickler.loads(answer)


class _Turn:
    """A place in the queue. When ``came`` is set, ``engine`` has the question, or ``refusal`` says why not."""

    engine: "_Engine"

    def __init__(self, question: Question, on_turn: Callable[[], None], rank: Callable[[], float]) -> None:
        self.question = ForkingPickler.dumps(question)
        self.on_turn = on_turn
        self.rank = rank
        self.came = threading.Event()
        self.refusal: Exception | None = None


class _Engine:
    """An engine in a process of its own, and this end of the pipe to it. One thread at a time may ask."""

    _end: Callable[[], object]

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._running: tuple[subprocess.Popen[bytes], Connection] | None = None
        self._is_loaded = False

    def start(self) -> Connection:
        """The pipe to its process; starts the process if it does not run."""
        if self._running is None:
            pipe, theirs = Pipe()
            with theirs:
                command = [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), *sys.path]
                process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603
            self._running, self._is_loaded = (process, pipe), False
            self._end = weakref.finalize(self, _end, process)
            pipe.send(self._config)
        return self._running[1]

    def ask(self, question: memoryview) -> None:
        """Asks a pickled ``Question``. Replaces the process if it was killed or hung while it was idle."""
        try:
            self._send(question)
        except OSError:
            self._kill()
            self._send(question)

    def _send(self, question: memoryview) -> None:
        """Raises OSError if the process is gone, or reads nothing for as long as an image may take."""
        pipe = self.start()
        seconds = self._config.image_seconds if self._is_loaded else LOADING_S
        with socket.socket(fileno=os.dup(pipe.fileno())) as ours:
            ours.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
            )
        pipe.send_bytes(question)

    def answer(self, on_part: Callable[[memoryview], None]) -> memoryview:
        """The pickled answer of ``_answer`` to the last question; ``on_part`` gets each pickled part before it.

        Raises TimeoutError if it, or the next part, took longer than an image may, OSError or EOFError if the process
        ended, and what ``on_part`` raises.
        """
        try:
            pipe = self.start()
            if not self._is_loaded:
                if not pipe.poll(LOADING_S):
                    raise EOFError("the engine did not load its weights")
                pipe.recv_bytes()
                self._is_loaded = True
            while True:
                if not pipe.poll(self._config.image_seconds):
                    raise TimeoutError
                answer = memoryview(pipe.recv_bytes())
                if answer[:1] != PART:
                    break
                on_part(answer[1:])
        except BaseException:
            # A late answer must not be taken for the answer to the next question.
            self._kill()
            raise
        if answer[:1] == LEAVES:
            self._kill()
        return answer[1:]

    def _kill(self) -> None:
        if self._running is not None:
            self._end()
            self._running[1].close()
            self._running = None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Also called when its engine is collected, and when this process ends."""
    process.kill()
    process.wait()


@cache
def get_pool(config: EngineConfig, size: int) -> EnginePool:
    """The process's pool. Raises ModelNotReady if weights are missing or changed."""
    return EnginePool(config, size)
