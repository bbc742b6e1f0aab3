"""Draws a stored analysis: the photo, if it was kept, with all boxes, landmarks and further points."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from cv.abstention import abstains
from cv.engine.labels import Attribute
from cv.engine.types import Answer, Category, Estimate, Points
from cv.models import Analysis, Face
from web.words import LABELS


def overlay_svg(analysis: Analysis, picture_address: str | None) -> SafeString:
    width, height = analysis.image_width, analysis.image_height
    # Lines and letters have the same thickness on large and small photos.
    unit = max(width, height) / 400
    photo = (
        format_html('<image href="{}" width="{}" height="{}"/>', picture_address, width, height)
        if picture_address
        else format_html('<rect width="{}" height="{}" fill="#8883"/>', width, height)
    )
    count = analysis.face_count
    faces = format_html_join("", "{}", ((face_svg(face, unit),) for face in analysis.faces.all()))
    return format_html(
        '<svg class="overlay" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>',
        width, height, ngettext("%(count)d face", "%(count)d faces", count) % {"count": count}, photo, faces,
    )  # fmt: skip


def face_svg(face: Face, unit: float) -> SafeString:
    box = face.box
    further = [answer for answer in face.attributes.values() if isinstance(answer, Points)]
    dots = [(x, y, unit) for x, y in face.landmark_points.values()]
    dots += [(x, y, unit / 3) for answer in further for x, y in answer.points]
    points = format_html_join(
        "", '<circle cx="{}" cy="{}" r="{}"/>', ((round(x, 1), round(y, 1), round(r, 2)) for x, y, r in dots)
    )
    return format_html(
        '<g class="overlay-face"><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" stroke-width="{}"/>'
        '{}<text x="{}" y="{}" font-size="{}">{}</text></g>',
        in_words(face), round(box.x, 1), round(box.y, 1), round(box.width, 1), round(box.height, 1),
        round(unit, 2), points, round(box.x, 1), round(box.y - 2 * unit, 1), round(10 * unit, 1), face.index + 1,
    )  # fmt: skip


def in_words(face: Face) -> str:
    """The answers that are certain enough to use."""
    sure = {
        attribute: answer
        for attribute in (Attribute.GENDER, Attribute.AGE, Attribute.RACE, Attribute.EXPRESSION)
        if (answer := face.attributes.get(attribute)) is not None
        and not abstains(attribute, answer, face.quality_score)
    }
    return gettext(", ").join(_said(answer) for answer in sure.values()) or gettext("face")


def _said(answer: Answer) -> str:
    match answer:
        case Category(label):
            return str(LABELS.get(label, label))
        case Estimate(value):
            return gettext("about %(age)d") % {"age": round(value)}
        case _:
            return ""
