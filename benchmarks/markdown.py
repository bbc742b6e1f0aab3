"""Results as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(heads: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """A line for each row; cells as ``str`` gives them."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def machine_table(described: Mapping[str, Any]) -> str:
    """The table of what ``benchmarks.machine`` gives."""
    return table(
        ("machine", ""),
        [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in described.items()],
    )
