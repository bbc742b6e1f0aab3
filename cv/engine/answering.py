"""The engine's own process: answers questions that come through a pipe, until its other end is closed."""

import signal
import traceback
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Final

from cv.engine.config import Backend, EngineConfig
from cv.engine.edits.types import Edit, EditedPicture
from cv.engine.errors import EngineError, ImageTooExpensive, VideoTooExpensive
from cv.engine.footprint import Footprint, return_freed_memory
from cv.engine.types import AnalysisOptions, AnalysisResult
from cv.engine.video.types import VideoQuestion, VideoResult

Question = tuple[bytes, AnalysisOptions | Edit] | VideoQuestion | None
# An engine that is asked nothing for this long returns the memory of its last images.
IDLE_S: Final = 10.0
# An engine's first message: it has loaded, or it cannot. The first image's time limit starts then.
LOADED: Final = b"loaded"
# The first byte of an answer: whether the engine's process ends after it, because its memory use stays high. PART
# begins a message before the answer, which says how far a video is.
STAYS, LEAVES, PART = b"\0", b"\1", b"\2"


class EngineFailed(Exception):
    """The engine failed unexpectedly; the message says where in the code."""


def run(descriptor: int) -> None:
    """The program of an engine's process: its configuration comes first through the pipe."""
    pipe = Connection(descriptor)
    try:
        config: EngineConfig = pipe.recv()
    except (EOFError, OSError):
        return
    serve(pipe, config)


def serve(pipe: Connection, config: EngineConfig) -> None:
    """Answers until the other end of the pipe is closed, which happens at the latest when the server ends."""
    # Ctrl-C reaches all processes of the terminal; this one ends after the server has finished its requests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    footprint: Footprint | None = None
    while True:
        try:
            if footprint is not None and not pipe.poll(IDLE_S):
                return_freed_memory()
            question: Question = pipe.recv()
            if footprint is None:
                footprint = _load(config)
                pipe.send_bytes(LOADED)
            answer = ForkingPickler.dumps(_answer(question, config, pipe))
            del question
            footprint.note_models(_models_loaded(config))
            pipe.send_bytes((LEAVES if footprint.stays_large() else STAYS) + answer)
        except (EOFError, OSError):
            return


def _load(config: EngineConfig) -> Footprint:
    """Loads the engine if possible; if not, the answers to questions say why."""
    # A GPU's driver reserves far more address space than there is memory.
    threads = config.threads if config.backend is Backend.ONNX else None
    return Footprint(_models_loaded(config), threads)


def _models_loaded(config: EngineConfig) -> int:
    # Imported here: only this process needs the libraries that run nets.
    from cv.engine.runtime import get_engine

    try:
        return get_engine(config).loaded
    except Exception:
        return 0


def _answer(
    question: Question, config: EngineConfig, pipe: Connection
) -> AnalysisResult | EditedPicture | VideoResult | Exception | None:
    from cv.engine.edits.editing import edit_picture
    from cv.engine.runtime import get_engine
    from cv.engine.video.reading import read_video

    def tell(share: float) -> None:
        pipe.send_bytes(PART + ForkingPickler.dumps(share))

    try:
        engine = get_engine(config)
        if question is None:
            return None
        if isinstance(question, VideoQuestion):
            return read_video(engine, question, config.video, tell)
        data, wanted = question
        if isinstance(wanted, AnalysisOptions):
            return engine.analyze(data, wanted)
        return edit_picture(engine, data, wanted)
    except EngineError as error:
        return error
    except MemoryError:
        if isinstance(question, VideoQuestion):
            return VideoTooExpensive("the video takes more memory than one video may")
        return ImageTooExpensive("the image takes more memory than one image may")
    except Exception:
        return EngineFailed(traceback.format_exc())
