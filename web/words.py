"""The engine's labels, and the states of jobs, as people read them, in the visitor's language."""

from typing import Any, Final

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from cv.abstention import limit_of
from cv.choices import JobSource, JobState
from cv.engine.labels import Attribute, Expression, Gender, Race
from cv.engine.outputs import JUDGED, MESH, OPENNESS, POINTS, POSE, TRAITS, Output, public_outputs
from cv.engine.types import LANDMARKS, QualityWarning
from cv.labelling.values import value_range

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
    # Components of a vector; with a minus, below zero.
    "yaw": _("turned to the right"),
    "-yaw": _("turned to the left"),
    "pitch": _("raised"),
    "-pitch": _("lowered"),
    "roll": _("tilted to the right"),
    "-roll": _("tilted to the left"),
    "left_eye": _("Left eye open"),
    "right_eye": _("Right eye open"),
    "mouth": _("Mouth open"),
    # Traits; "male" stands above.
    "5_o_clock_shadow": _("Stubble"),
    "arched_eyebrows": _("Arched eyebrows"),
    "bags_under_eyes": _("Bags under the eyes"),
    "bald": _("Bald"),
    "bangs": _("Fringe"),
    "black_hair": _("Black hair"),
    "blond_hair": _("Blond hair"),
    "blurry": _("Blurry picture"),
    "brown_hair": _("Brown hair"),
    "bushy_eyebrows": _("Bushy eyebrows"),
    "eyeglasses": _("Glasses"),
    "goatee": _("Goatee"),
    "gray_hair": _("Grey hair"),
    "heavy_makeup": _("Heavy make-up"),
    "high_cheekbones": _("High cheekbones"),
    "mouth_slightly_open": _("Mouth slightly open"),
    "mustache": _("Moustache"),
    "narrow_eyes": _("Narrow eyes"),
    "no_beard": _("No beard"),
    "oval_face": _("Oval face"),
    "pointy_nose": _("Pointed nose"),
    "receding_hairline": _("Receding hairline"),
    "rosy_cheeks": _("Rosy cheeks"),
    "sideburns": _("Sideburns"),
    "smiling": _("Smiling"),
    "straight_hair": _("Straight hair"),
    "wavy_hair": _("Wavy hair"),
    "wearing_earrings": _("Earrings"),
    "wearing_hat": _("Hat"),
    "wearing_lipstick": _("Lipstick"),
    "wearing_necklace": _("Necklace"),
    "wearing_necktie": _("Tie"),
    "young": _("Young"),
    "attractive": _("Called attractive"),
    "big_lips": _("Full lips"),
    "big_nose": _("Large nose"),
    "chubby": _("Round face"),
    "double_chin": _("Double chin"),
    "pale_skin": _("Pale skin"),
}
# How a face with this expression looks.
LOOKS: Final = {
    Expression.ANGER.value: _("angry"),
    Expression.DISGUST.value: _("disgusted"),
    Expression.FEAR.value: _("afraid"),
    Expression.HAPPINESS.value: _("happy"),
    Expression.SADNESS.value: _("sad"),
    Expression.SURPRISE.value: _("surprised"),
    Expression.NEUTRAL.value: pgettext_lazy("looks", "neutral"),
}
WARNINGS: Final = {
    QualityWarning.SMALL_FACE.value: _("small"),
    QualityWarning.BLURRED.value: _("blurred"),
    QualityWarning.NOISY.value: _("noisy"),
    QualityWarning.PIXELATED.value: _("pixelated"),
    QualityWarning.DARK.value: _("dark"),
    QualityWarning.OVEREXPOSED.value: _("too bright"),
    QualityWarning.OCCLUDED.value: _("partly covered"),
    QualityWarning.TURNED.value: _("turned away"),
    QualityWarning.TILTED.value: _("not upright"),
    QualityWarning.PARTLY_OUTSIDE.value: _("partly outside the picture"),
}
# What to do about a warning, by its name.
ADVICE: Final = {
    "small_face": _("Use a larger photo, or one taken from nearer."),
    "blurred": _("Use a sharper photo."),
    "dark": _("Use a photo with more light on the face."),
    "turned": _("Use a photo that shows the face from the front."),
    "partly_outside": _("Use a photo that shows the whole face."),
    "noisy": _("Use a photo taken with more light."),
    "pixelated": _("Use the original file, not a small or strongly compressed copy."),
    "overexposed": _("Use a photo with less light on the face."),
    "occluded": _("Use a photo in which nothing covers the face."),
    "tilted": _("Turn the photo upright."),
}
LANDMARK_WORDS: Final = dict(
    zip(
        LANDMARKS,
        (_("left eye"), _("right eye"), _("nose"), _("left corner of the mouth"), _("right corner of the mouth")),
        strict=True,
    )
)
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
    POINTS.name: _("Points"),
    MESH.name: _("Mesh"),
    POSE.name: _("Head pose"),
    OPENNESS.name: _("Eyes and mouth"),
    TRAITS.name: _("Traits"),
    JUDGED.name: _("How others might judge this face"),
}
# Of jobs and of their images; a state means the same for both.
JOB_STATES: Final = {
    JobState.LISTING.value: _("Reading the archive"),
    JobState.PENDING.value: _("Waiting"),
    JobState.RUNNING.value: _("In progress"),
    JobState.PAUSED.value: _("Paused"),
    JobState.DONE.value: _("Done"),
    JobState.FAILED.value: _("Failed"),
    JobState.CANCELLED.value: _("Cancelled"),
    JobState.DELETING.value: _("Being deleted"),
}
# Why an image of a job failed.
ITEM_ERRORS: Final = {
    "not_a_file": _("Not a file"),
    "entry_unreadable": _("Cannot be read from the archive"),
    "image_too_large": _("Too large"),
    "image_too_expensive": _("Takes too long"),
    "unsupported_media_type": _("Not a supported picture"),
    "undecodable_image": _("Damaged"),
    "undecodable_video": _("Damaged"),
    "no_frames": _("No moving picture"),
    "video_too_large": _("Too large"),
    "video_too_long": _("Too long"),
    "video_too_expensive": _("Takes too long"),
    "not_found": _("Not found"),
    "url_forbidden": _("Address not allowed"),
    "url_fetch_failed": _("No photo at the address"),
    "folder_forbidden": _("Folder not allowed"),
    "worker_lost": _("The worker ended"),
    "storage_unavailable": _("The storage did not answer"),
    "internal_error": _("An error on the server"),
    "collection_deleted": _("The collection was deleted"),
    "search_forbidden": _("Identifying is not allowed any more"),
    "other_model": _("The collection is of another model"),
    "index_behind": _("The search index was being built"),
    "search_unavailable": _("The search index did not answer"),
    "collection_too_large": _("The collection is too large to be searched here"),
}
JOB_SOURCES: Final = {
    JobSource.ARCHIVE.value: _("From an archive"),
    JobSource.URLS.value: _("From URLs"),
    JobSource.ANALYSES.value: _("From earlier analyses"),
    JobSource.FOLDER.value: _("From a folder on the server"),
    JobSource.VIDEO.value: _("From a video"),
    JobSource.LOCAL.value: _("From a folder given to a command"),
}
UNITS: Final = {"years": _("years"), "degrees": "°"}
# The parts of a face's one-line description, if certain: the words of a label, or a phrase about a number.
SUMMARY: Final = {
    Attribute.GENDER.value: {"labels": LABELS},
    Attribute.AGE.value: {"sentence": _("about %(value)s")},
    Attribute.EXPRESSION.value: {"labels": LOOKS},
}


def output_title(name: str) -> str:
    """An output's title; if it has no word here, its name."""
    return str(ATTRIBUTES.get(name) or gettext(name.replace("_", " ").capitalize()))


def script_words() -> dict[str, Any]:
    """The words for the pages' scripts; static/js/words.js reads them."""
    return {
        "labels": LABELS,
        "warnings": WARNINGS,
        "advice": ADVICE,
        "landmarks": LANDMARK_WORDS,
        "outputs": {output.name: _described(output) for output in public_outputs()},
        "summary": SUMMARY,
    }


def _described(output: Output) -> dict[str, Any]:
    """``scale`` is the range on which an estimate is drawn; ``limited`` says that it is bounded by definition;
    ``range`` is the range of labels."""
    drawn = output.scale or ((output.bins[0], output.bins[-1]) if output.bins else None)
    return {
        "shape": output.shape,
        "title": output_title(output.name),
        "unit": UNITS.get(output.unit) or gettext(output.unit) if output.unit else "",
        "scale": drawn,
        "limited": output.scale is not None,
        "range": value_range(output),
        "limit": limit_of(output.name) if output.default else None,
    }
