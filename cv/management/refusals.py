"""What a command refuses in one line instead of a traceback."""

from django.core.management.base import CommandError


def check_range(option: str, value: int | None, lowest: int, highest: int) -> None:
    """Raises CommandError; None was not given."""
    if value is not None and not lowest <= value <= highest:
        raise CommandError(f"{option} must be from {lowest} to {highest}, not {value}")
