"""The fields of ``manifest.json``, read so that every error names the field that is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cv.engine.errors import ModelNotReady

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Part:
    """A value of the manifest and its path, for example ``models[0].crop``. Every method that reads raises
    ModelNotReady if the value is missing or of another type."""

    value: Any
    field: str = ""

    def wrong(self, what: str) -> ModelNotReady:
        """The error to raise; ``what`` says what is wrong with the field."""
        return ModelNotReady(f"{MANIFEST}: {self.field or 'the whole'} {what}")

    def inner(self, name: str, value: Any = None) -> "Part":
        """A field of this object."""
        return Part(value, f"{self.field}.{name}".lstrip("."))

    def __getitem__(self, name: str) -> "Part":
        if name not in self.mapping():
            raise self.inner(name).wrong("is missing")
        return self.inner(name, self.value[name])

    def optional(self, name: str) -> "Part":
        """The object of that name; an empty one if there is none."""
        return self.inner(name, self.mapping().get(name, {}))

    def mapping(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong("is not an object")
        return self.value

    def items(self) -> Iterator[tuple[str, "Part"]]:
        yield from ((name, self[name]) for name in self.mapping())

    def entries(self) -> list["Part"]:
        if not isinstance(self.value, list):
            raise self.wrong("is not a list")
        return [Part(value, f"{self.field}[{i}]") for i, value in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("is not a text")
        return self.value

    def texts(self) -> tuple[str, ...]:
        return tuple(entry.text() for entry in self.entries())

    def number(self) -> float:
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self.wrong("is not a number")
        return self.value

    def count(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 1:
            raise self.wrong("is not a whole number above 0")
        return self.value
