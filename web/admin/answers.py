"""A face's answers as columns of lists, each marked `unsure` if it is too uncertain to use."""

from collections.abc import Callable
from functools import cache

from django.contrib import admin
from django.utils.functional import lazy
from django.utils.translation import gettext, gettext_lazy

from cv.abstention import abstains
from cv.engine.outputs import Output, public_outputs
from cv.engine.types import Category
from cv.models import Face
from cv.wording import say
from web.words import LABELS, output_title

Column = Callable[[Face], str]


def answer_columns() -> tuple[Column, ...]:
    """One for each output, in the registry's order; those of default outputs are sortable."""
    return tuple(map(_column, public_outputs()))


@cache
def _column(output: Output) -> Column:
    """Cached, because Django compares columns by identity."""

    @admin.display(description=lazy(output_title, str)(output.name), ordering=output.name if output.default else None)
    def column(face: Face) -> str:
        answer = face.attributes.get(output.name)
        if answer is None:
            return "–"
        unsure = abstains(output.name, answer, face.quality_score)
        said = str(LABELS.get(answer.label, answer.label)) if isinstance(answer, Category) else say(answer, output)
        return gettext("%(answer)s, unsure") % {"answer": said} if unsure else said

    column.__name__ = output.name
    return column


class Shares:
    """The columns of shares as the cards round them. Mixed into lists and inlines of faces."""

    @admin.display(description=gettext_lazy("confidence"))
    def sure_of_face(self, face: Face) -> str:
        return share_in_words(face.confidence)

    @admin.display(description=gettext_lazy("quality score"))
    def quality(self, face: Face) -> str:
        return f"{face.quality_score:.2f}"


def share_in_words(share: float) -> str:
    """As static/js/words.js rounds it."""
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{round(100 * share)} %"
