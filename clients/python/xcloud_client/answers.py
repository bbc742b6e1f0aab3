"""Answers that abstained: reading one by mistake raises, reading its guess on purpose does not."""

import json
from typing import Any, Final

# What an abstained answer would say if it were sure.
GUESSES: Final = frozenset({"label", "value", "interval"})


class Unsure(LookupError):
    """The answer abstained: it is too uncertain to use."""


class Abstained(dict[str, Any]):
    """An answer that abstained. Its JSON is complete, but ``label``, ``value`` and ``interval`` raise Unsure."""

    def __getitem__(self, name: str) -> Any:
        self._check(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._check(name)
        return super().get(name, default)

    def _check(self, name: str) -> None:
        if name in GUESSES and name in self:
            raise Unsure(f"this answer abstained: look at its `abstained` first, or read guess(answer, {name!r})")


def guess(answer: Any, name: str) -> Any:
    """``label``, ``value`` or ``interval`` of an answer, even if it abstained. Raises KeyError."""
    return dict.__getitem__(answer, name)


def loads(text: str | bytes) -> Any:
    """JSON, with each answer that abstained as Abstained."""
    return json.loads(text, object_hook=_guarded)


def _guarded(value: dict[str, Any]) -> dict[str, Any]:
    return Abstained(value) if value.get("abstained") is True else value
