"""One arena of memory for the calls of all nets of a process.

What one net has used serves the next. Without the arena, their intermediate results lie among Python's objects in the C
library's heap and leave holes there.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from onnxruntime import SessionOptions

# An ONNX model that gives its empty input back: the graph "nothing" has one node, Identity, from x to y, float32 (0,).
_NOTHING: Final = (
    b"\x08\x08:=\n\x10\n\x01x\x12\x01y\x22\x08Identity\x12\x07nothing"
    b"Z\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x00b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x00"
    b"B\x04\n\x00\x10\r"
)


def use_arena(options: SessionOptions) -> None:
    """Lets the session that is made with these options take its memory from the arena."""
    _make_arena()
    options.add_session_config_entry("session.use_env_allocators", "1")


@cache
def _make_arena() -> None:
    import onnxruntime

    cpu = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(cpu, None)


def empty_arena() -> None:
    """Gives the memory that no call is using back to the C library. The next call takes what it needs anew."""
    if not _make_arena.cache_info().currsize:
        return
    import onnxruntime

    # Only a call can empty it.
    options, call = onnxruntime.SessionOptions(), onnxruntime.RunOptions()
    use_arena(options)
    call.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    session = onnxruntime.InferenceSession(_NOTHING, options, providers=["CPUExecutionProvider"])
    session.run(None, {"x": np.empty(0, np.float32)}, call)
