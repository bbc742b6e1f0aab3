"""A face's answers as columns of lists, each marked `unsure` if it is too uncertain to use."""

from collections.abc import Callable
from functools import cache

from django.contrib import admin

from cv.abstention import abstains
from cv.engine.outputs import Output, public_outputs
from cv.models import Face
from cv.wording import say
from web.words import output_title

Column = Callable[[Face], str]


def answer_columns() -> tuple[Column, ...]:
    """One for each output, in the registry's order; those of default outputs are sortable."""
    return tuple(map(_column, public_outputs()))


@cache
def _column(output: Output) -> Column:
    """Cached, because Django compares columns by identity."""

    @admin.display(description=output_title(output.name), ordering=output.name if output.default else None)
    def column(face: Face) -> str:
        answer = face.attributes.get(output.name)
        if answer is None:
            return "–"
        unsure = abstains(output.name, answer, face.quality_score)
        return f"{say(answer, output)}, unsure" if unsure else say(answer, output)

    column.__name__ = output.name
    return column
