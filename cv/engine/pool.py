"""Engines in processes of their own, so that nothing shares an interpreter with one, nor ends when one does.

Threads would do for the nets, which compute outside of the interpreter's lock. But around them stand hundreds of short
steps in Python, and each waits for whatever else the process is doing: requests took a fifth of the engine's rate. And
where an image makes a decoder crash, it takes with it one engine, which is started again, and not the server.
"""

import multiprocessing
import queue
import signal
import traceback
from functools import cache
from multiprocessing.connection import Connection
from typing import Any, Final

from cv.engine.config import EngineConfig
from cv.engine.errors import EngineError
from cv.engine.types import DEFAULT_OPTIONS, AnalysisOptions, AnalysisResult
from cv.engine.weights import read_manifest

_SPAWN: Final = multiprocessing.get_context("spawn")
Question = tuple[bytes, AnalysisOptions] | None


class EngineDied(Exception):
    """The engine's process ended over an image, or was killed."""


class EngineFailed(Exception):
    """The engine failed in a way that was not foreseen; the message says where."""


class EnginePool:
    """``size`` engines. Thread-safe; build it with ``get_pool``. An engine is started when it is first needed."""

    def __init__(self, config: EngineConfig, size: int) -> None:
        self.card = read_manifest(config.weights_dir).card
        self._config = config
        self._size = size
        # Last in, first out: few requests keep few engines warm. None is one that does not run.
        self._idle: queue.LifoQueue[_EngineProcess | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)

    def analyze(self, data: bytes, options: AnalysisOptions = DEFAULT_OPTIONS) -> AnalysisResult:
        """As ``Engine.analyze``, by the first engine that is free. Raises EngineError, EngineDied, EngineFailed."""
        result: AnalysisResult = self._asked((data, options))
        return result

    def check(self) -> None:
        """Returns when an engine is loaded. Raises ModelNotReady, EngineDied, EngineFailed."""
        self._asked(None)

    def start(self) -> None:
        """Starts every engine that does not run yet, and does not wait for it."""
        for engine in [self._idle.get() for _ in range(self._size)]:
            self._idle.put(engine or _EngineProcess(self._config))

    def _asked(self, question: Question) -> Any:
        engine = self._idle.get()
        try:
            if engine is None or not engine.takes(question):
                engine = _EngineProcess(self._config)
                engine.ask(question)
            answer = engine.answer()
        except BaseException as error:
            # Whatever it still answers is no answer to the next question.
            if engine is not None:
                engine.kill()
                engine = None
            if isinstance(error, OSError | EOFError):
                raise EngineDied("the engine's process ended") from error
            raise
        finally:
            self._idle.put(engine)
        if isinstance(answer, Exception):
            raise answer
        return answer


class _EngineProcess:
    """A process with an engine, and this end of the pipe to it. One thread at a time may ask."""

    def __init__(self, config: EngineConfig) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, config), name="engine", daemon=True)
        self._process.start()
        theirs.close()

    def takes(self, question: Question) -> bool:
        """Asks, unless the process was killed while it had nothing to do; then it is cleared away."""
        try:
            self.ask(question)
        except OSError:
            self.kill()
            return False
        return True

    def ask(self, question: Question) -> None:
        """Raises OSError where the process is gone."""
        self._pipe.send(question)

    def answer(self) -> Any:
        """What ``_answer`` gives there. Raises OSError or EOFError where the process is gone."""
        return self._pipe.recv()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


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
