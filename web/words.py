"""The engine's labels, and the states of jobs, as people read them, in the visitor's language."""

from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cv.choices import JobSource, JobState
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
STAGES: Final = {
    "decode": _("Decode"),
    "detect": _("Detect"),
    "attributes": _("Attributes"),
    "total": _("Total"),
}
MEASURES: Final = {
    "gender_accuracy": _("Gender accuracy"),
    "race_accuracy": _("Race accuracy"),
    "race_balanced_accuracy": _("Race accuracy, each race weighted equally"),
    "expression_accuracy": _("Expression accuracy"),
    "expression_majority_accuracy": _("Expression accuracy where most voters agree"),
    "expression_balanced_accuracy": _("Expression accuracy, each expression weighted equally"),
    "age_mae": _("Age error, years"),
    "age_band_accuracy": _("Age band accuracy"),
    "age_band_off_by_one": _("Age band at most one off"),
    "beauty_mae": _("Beauty error, points"),
    "beauty_pearson": _("Beauty, correlation with the raters"),
    "coverage": _("Face found"),
}
ATTRIBUTES: Final = {
    Attribute.AGE.value: _("Age"),
    Attribute.GENDER.value: _("Gender"),
    Attribute.RACE.value: _("Race"),
    Attribute.EXPRESSION.value: _("Expression"),
    Attribute.BEAUTY.value: _("Beauty"),
}
# Of jobs and of their images; a state means the same for both.
JOB_STATES: Final = {
    JobState.PENDING.value: _("Waiting"),
    JobState.RUNNING.value: _("In progress"),
    JobState.PAUSED.value: _("Paused"),
    JobState.DONE.value: _("Done"),
    JobState.FAILED.value: _("Failed"),
    JobState.CANCELLED.value: _("Cancelled"),
}
JOB_SOURCES: Final = {
    JobSource.ARCHIVE.value: _("From an archive"),
    JobSource.URLS.value: _("From URLs"),
    JobSource.ANALYSES.value: _("From earlier analyses"),
    JobSource.FOLDER.value: _("From a folder on the server"),
    JobSource.LOCAL.value: _("From a folder given to a command"),
}
