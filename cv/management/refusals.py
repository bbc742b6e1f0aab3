"""What a command refuses in one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError


def check_range(option: str, value: int | None, lowest: int, highest: int) -> None:
    """Raises CommandError; None was not given."""
    if value is not None and not lowest <= value <= highest:
        raise CommandError(f"{option} must be from {lowest} to {highest}, not {value}")


@contextmanager
def file_errors(file: Path, advice: str = "") -> Iterator[None]:
    """Turns an OSError of the block, which works on ``file``, into a CommandError."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{file} cannot be read or written: {error.strerror or error}{advice}") from error


def write_whole(file: Path, text: str) -> None:
    """Writes a note whole or not at all. Raises OSError."""
    draft = file.with_name(f"{file.name}.part")
    try:
        draft.write_text(text)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
