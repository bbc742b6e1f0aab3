"""Words and shapes of analyses for the templates."""

from uuid import UUID

from django import template
from django.utils.translation import gettext, ngettext

from cv.abstention import abstains
from cv.engine.labels import Attribute
from cv.engine.types import Answer, Category, Estimate
from cv.models import Analysis, Face
from cv.serving.outputs import served_outputs
from web.words import LABELS, MEASURES, STAGES, output_title

register = template.Library()


@register.filter
def in_words(analysis: Analysis) -> str:
    """“Female, about 31” for one face, without uncertain answers; otherwise the number of faces."""
    found = list(analysis.faces.all())
    if len(found) == 1:
        words = []
        gender, age = (_answer(found[0], attribute) for attribute in (Attribute.GENDER, Attribute.AGE))
        if isinstance(gender, Category):
            words.append(str(LABELS[gender.label]))
        if isinstance(age, Estimate):
            words.append(gettext("about %(age)d") % {"age": round(age.value)})
        if words:
            said = gettext(", ").join(words)
            return said[0].upper() + said[1:]
    if not found:
        return gettext("No face")
    return ngettext("%(count)d face", "%(count)d faces", len(found)) % {"count": len(found)}


def _answer(face: Face, attribute: Attribute) -> Answer | None:
    """None if it is missing, no longer served, or too uncertain to use."""
    answer = face.attributes.get(attribute)
    if answer is None or attribute not in served_outputs() or abstains(attribute, answer, face.quality_score):
        return None
    return answer


@register.filter
def is_wide(analysis: Analysis) -> bool:
    return analysis.image_width >= analysis.image_height


@register.filter
def label(name: str) -> object:
    """A label of the engine in the visitor's language."""
    return LABELS.get(name, name)


@register.filter
def percent(share: float) -> str:
    return f"{100 * share:g}"


@register.filter
def group_label(name: str) -> str:
    """“female, white, 20-29” in the visitor's language."""
    return gettext(", ").join(str(LABELS.get(part, part)) for part in name.split(", "))


@register.filter
def stage(name: str) -> object:
    return STAGES.get(name, name)


@register.filter
def measure(name: str) -> str:
    """“Gender accuracy” or, for one of several data sets, “Gender accuracy · utkface”."""
    data_set, _, name = name.rpartition(".")
    said = str(MEASURES.get(name, name))
    return f"{said} · {data_set}" if data_set else said


@register.filter
def scored(cell: tuple[str, float | None, tuple[float, float] | None]) -> str:
    """“97 % (91–99)”, “3.2 (2.9–3.6)”, “0.73” for a correlation, or a dash."""
    name, value, interval = cell
    if value is None:
        return "–"

    if name.endswith("_pearson"):
        return f"{value:.2f}"

    def said(number: float) -> str:
        return f"{number:.1f}" if name.endswith("_mae") else f"{100 * number:.0f}"

    unit = "" if name.endswith("_mae") else " %"
    bounds = f" ({said(interval[0])}–{said(interval[1])})" if interval else ""
    return f"{said(value)}{unit}{bounds}"


@register.filter
def share(value: float) -> str:
    """“97 %”."""
    return f"{100 * value:.0f} %"


@register.filter
def share_range(interval: tuple[float, float]) -> str:
    """“91–99 %”."""
    low, high = interval
    return f"{100 * low:.0f}–{100 * high:.0f} %"


@register.filter
def hundredfold(value: float) -> float:
    """Of a share, for a drawing that is 100 wide."""
    return round(100 * value, 2)


@register.filter
def width(interval: tuple[float, float]) -> float:
    """Of an interval of shares, for the same drawing."""
    return round(100 * (interval[1] - interval[0]), 2)


register.filter("output_title", output_title)


@register.filter
def of(found: dict[UUID, list[int]] | str, analysis_id: UUID) -> list[int]:
    """The faces of the analysis in what ``matching_faces`` found; on pages without a search, none."""
    return found.get(analysis_id, []) if isinstance(found, dict) else []


@register.filter
def numbers(faces: list[int]) -> str:
    """“1, 3”, as the page numbers faces."""
    return gettext(", ").join(str(index + 1) for index in faces)
