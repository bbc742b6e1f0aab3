"""Engines in processes of their own, so that nothing shares an interpreter with one, nor ends when one does.

Threads would do for the nets, which compute outside of the interpreter's lock. But around them stand hundreds of short
steps in Python, and each waits for whatever else the process is doing: requests took a fifth of the engine's rate. And
where an image makes a decoder crash, it takes with it one engine, which is started again, and not the server.
"""

import multiprocessing
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final

from cv.engine.catalog import read_catalog
from cv.engine.config import EngineConfig
from cv.engine.errors import EngineError
from cv.engine.types import DEFAULT_OPTIONS, AnalysisOptions, AnalysisResult

_SPAWN: Final = multiprocessing.get_context("spawn")
Question = tuple[bytes, AnalysisOptions] | None


def _nothing_first() -> None:
    """For callers that have nothing to do when their turn comes."""


class EngineDied(Exception):
    """The engine's process ended over an image, or was killed."""


class EnginesBusy(Exception):
    """Others were first for as long as the caller had patience."""


class EngineFailed(Exception):
    """The engine failed in a way that was not foreseen; the message says where."""


class EnginePool:
    """``size`` engines. Thread-safe; build it with ``get_pool``. An engine is started when it is first needed.

    Who comes first is served first. The next image is handed over by the thread that got the last answer, before it
    does anything with that: an engine does not stand still until another thread has the interpreter.
    """

    def __init__(self, config: EngineConfig, size: int) -> None:
        self.catalog = read_catalog(config)
        self.card = self.catalog.card
        self._lock = threading.Lock()
        # Last in, first out: few requests keep few engines warm.
        self._idle = [_Engine(config) for _ in range(size)]
        # Nobody stands in it for longer than a moment while an engine is idle.
        self._line: deque[_Turn] = deque()

    def analyze(
        self,
        data: bytes,
        options: AnalysisOptions = DEFAULT_OPTIONS,
        on_turn: Callable[[], None] = _nothing_first,
        patience_s: float | None = None,
    ) -> AnalysisResult:
        """As ``Engine.analyze``, by the first engine that is free.

        ``on_turn`` is called before the engine is asked, by whichever thread hands the image over; where it raises,
        this does too, and the engine is not asked. Raises EngineError, EngineDied, EngineFailed, and EnginesBusy where
        it was not this image's turn within ``patience_s``.
        """
        result: AnalysisResult = self._asked((data, options), on_turn, patience_s)
        return result

    def check(self, patience_s: float | None = None) -> None:
        """Returns when an engine is loaded. Raises ModelNotReady, EngineDied, EngineFailed, and EnginesBusy where none
        was free within ``patience_s``.
        """
        self._asked(None, patience_s=patience_s)

    def start(self) -> None:
        """Starts every idle engine that does not run yet, and does not wait for it."""
        with self._lock:
            for engine in self._idle:
                engine.start()

    def _asked(
        self, question: Question, on_turn: Callable[[], None] = _nothing_first, patience_s: float | None = None
    ) -> Any:
        turn = _Turn(question, on_turn)
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
        answer = self._answered(turn.engine)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _hand_over(self, engine: "_Engine") -> None:
        """Asks the engine what the first in line wants to know, or lets it rest."""
        while True:
            with self._lock:
                if not self._line:
                    self._idle.append(engine)
                    return
                turn = self._line.popleft()
            try:
                turn.on_turn()
                engine.ask(turn.question)
                turn.engine = engine
            except Exception as error:
                turn.refusal = error
            turn.came.set()
            if turn.refusal is None:
                return

    def _answered(self, engine: "_Engine") -> Any:
        try:
            answer = engine.answer()
        except (OSError, EOFError) as error:
            raise EngineDied("the engine's process ended") from error
        finally:
            self._hand_over(engine)
        return ForkingPickler.loads(answer)


class _Turn:
    """A place in line. Once it ``came``, ``engine`` has the question, or ``refusal`` says why not."""

    engine: "_Engine"

    def __init__(self, question: Question, on_turn: Callable[[], None]) -> None:
        self.question = ForkingPickler.dumps(question)
        self.on_turn = on_turn
        self.came = threading.Event()
        self.refusal: Exception | None = None


class _Engine:
    """An engine in a process of its own, and this end of the pipe to it. One thread at a time may ask."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._running: tuple[SpawnProcess, Connection] | None = None

    def start(self) -> Connection:
        """The pipe to its process, which is started where it does not run."""
        if self._running is None:
            pipe, theirs = _SPAWN.Pipe()
            process = _SPAWN.Process(target=_serve, args=(theirs, self._config), name="engine", daemon=True)
            process.start()
            theirs.close()
            self._running = process, pipe
        return self._running[1]

    def ask(self, question: memoryview) -> None:
        """Asks a pickled ``Question``. A process that was killed while it had nothing to do is replaced."""
        try:
            self.start().send_bytes(question)
        except OSError:
            self._kill()
            self.start().send_bytes(question)

    def answer(self) -> bytes:
        """What ``_answer`` gives there to what was asked, pickled. Raises OSError or EOFError where it ended."""
        try:
            return self.start().recv_bytes()
        except BaseException:
            # Whatever it still answers is no answer to the next question.
            self._kill()
            raise

    def _kill(self) -> None:
        if self._running is not None:
            process, pipe = self._running
            process.kill()
            process.join()
            pipe.close()
            self._running = None


def _serve(pipe: Connection, config: EngineConfig) -> None:
    """Answers until the other end of the pipe is closed, which it is when its process ends, however that ends."""
    # Ctrl-C reaches every process of the terminal; the server finishes what it began, and then this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            question: Question = pipe.recv()
            pipe.send(_answer(question, config))
        except (EOFError, OSError):
            return


def _answer(question: Question, config: EngineConfig) -> AnalysisResult | Exception | None:
    # Imported here: the libraries that run nets are for this process alone.
    from cv.engine.runtime import get_engine

    try:
        engine = get_engine(config)
        return None if question is None else engine.analyze(*question)
    except EngineError as error:
        return error
    except Exception:
        return EngineFailed(traceback.format_exc())


@cache
def get_pool(config: EngineConfig, size: int) -> EnginePool:
    """The process's pool. Raises ModelNotReady where weights are missing or changed."""
    return EnginePool(config, size)
