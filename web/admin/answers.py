"""A face's answers as columns of lists, each with the word `unsure` where it is too unsure to be taken for one."""

from collections.abc import Callable
from typing import Final

from django.contrib import admin

from cv.abstention import abstains
from cv.engine.labels import Attribute
from cv.engine.types import Category, Estimate
from cv.models import Face

Column = Callable[[Face], str]


def answer_column(attribute: Attribute) -> Column:
    @admin.display(description=attribute.capitalize(), ordering=attribute.value)
    def column(face: Face) -> str:
        answer = face.attributes.get(attribute)
        match answer:
            case Category(label):
                said = label.capitalize()
            case Estimate(value):
                said = f"{value:.1f}"
            case _:
                return "–"
        return f"{said}, unsure" if abstains(attribute, answer) else said

    column.__name__ = attribute.value
    return column


# From age to beauty, in the order of Attribute.
ANSWERS: Final = tuple(map(answer_column, Attribute))
