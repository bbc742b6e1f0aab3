"""The engine's labels as people read them, in the visitor's language."""

from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cv.engine.labels import Attribute, Expression, Gender, Race

LABELS: Final = {
    Gender.FEMALE.value: _("Female"),
    Gender.MALE.value: _("Male"),
    Race.WHITE.value: pgettext_lazy("race", "White"),
    Race.BLACK.value: pgettext_lazy("race", "Black"),
    Race.ASIAN.value: pgettext_lazy("race", "Asian"),
    Race.INDIAN.value: pgettext_lazy("race", "Indian"),
    Race.OTHERS.value: pgettext_lazy("race", "Others"),
    Expression.ANGER.value: _("Anger"),
    Expression.DISGUST.value: _("Disgust"),
    Expression.FEAR.value: _("Fear"),
    Expression.HAPPINESS.value: _("Happiness"),
    Expression.SADNESS.value: _("Sadness"),
    Expression.SURPRISE.value: _("Surprise"),
    Expression.NEUTRAL.value: _("Neutral"),
}
ATTRIBUTES: Final = {
    Attribute.AGE.value: _("Age"),
    Attribute.GENDER.value: _("Gender"),
    Attribute.RACE.value: _("Race"),
    Attribute.EXPRESSION.value: _("Expression"),
    Attribute.BEAUTY.value: _("Beauty"),
}
