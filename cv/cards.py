"""Model cards: what training measured and wrote about the model in service, read from ``docs/model_cards``."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.http import Http404, HttpResponse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cv.engine.model_card import ModelCard
from cv.engine.outputs import DEFAULT_OUTPUTS, Shape, get_output

log = logging.getLogger(__name__)

CARDS_DIR: Final = Path(__file__).resolve().parent.parent / "docs" / "model_cards"
MEDIA_TYPES: Final = {".png": "image/png", ".svg": "image/svg+xml", ".json": "application/json"}
# Numbers in a set's results that are not measures.
NO_MEASURE: Final = frozenset({"n", "coverage", "unreadable"})
PICTURE: Final = re.compile(r"!\[([^\]]*)\]\(([\w.-]+)\)")

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures by name over ``n`` faces, with 95 % confidence intervals if known."""

    n: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class GroupScores(Scores):
    """``by`` names the grouping: ``age``, or ``gender, race, age`` for a crossed group."""

    by: str
    group: str


@dataclass(frozen=True, slots=True)
class QualityScores(Scores):
    """The faces whose quality score is in a range."""

    score_from: float
    score_to: float


@dataclass(frozen=True, slots=True)
class ClassReport:
    """``confusion`` counts faces: rows are true labels, columns answers. ``reliability`` has a line for each bin."""

    attribute: str
    labels: list[str]
    confusion: list[list[int]]
    reliability: list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class Evaluation(Scores):
    """The served pipeline on one labelled set; ``coverage`` is the share of pictures in which a face was found."""

    data_set: str
    coverage: float
    groups: list[GroupScores]
    classes: list[ClassReport]
    quality: list[QualityScores]


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart; ``title`` says what it shows."""

    file: str
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the card, in Markdown."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class WrittenCard:
    """The contents of a model's card; empty if there is no card, or only one for other weights."""

    evaluations: tuple[Evaluation, ...] = ()
    sections: tuple[Section, ...] = ()
    pictures: tuple[Picture, ...] = ()
    markdown: str = ""


def written_card(model: ModelCard) -> WrittenCard:
    """Reads the card of exactly these weights. Where no results are beside it, its title names the version."""
    file = CARDS_DIR / f"{model.name}.md"
    if file.parent != CARDS_DIR or not file.is_file():
        return WrittenCard()
    text, results = file.read_text(encoding="utf-8"), _results(file.with_suffix(".json"))
    is_titled = text.startswith(f"# {model.name} {model.version}\n")
    if any(result["model"]["sha256"] != model.sha256 for result in results.values()) or not (results or is_titled):
        log.warning("the model card in docs/model_cards is for other weights than the service uses, so it is not shown")
        return WrittenCard()
    return WrittenCard(
        evaluations=tuple(_evaluation(name, result) for name, result in results.items()),
        sections=_sections(text),
        pictures=tuple(Picture(file, title) for title, file in PICTURE.findall(text)),
        markdown=text,
    )


def _results(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _evaluation(name: str, result: Mapping[str, Any]) -> Evaluation:
    groups = [
        GroupScores(**_scores(scores), by=by, group=group)
        for by, members in result["groups"].items()
        for group, scores in members.items()
    ]
    quality = [
        QualityScores(**_scores(scores, "from", "to"), score_from=scores["from"], score_to=scores["to"])
        for scores in result["quality"]
    ]
    classes = [
        ClassReport(attribute, details["labels"], details["confusion"], details["reliability"])
        for attribute, details in result["details"].items()
    ]
    return Evaluation(
        **_scores(result), data_set=name, coverage=result["coverage"], groups=groups, classes=classes, quality=quality
    )


def _scores(scores: Mapping[str, Any], *others: str) -> dict[str, Any]:
    return {
        "n": scores["n"],
        # The other entries are for the card's own charts and tables.
        "metrics": {
            name: value
            for name, value in scores.items()
            if isinstance(value, int | float) and name not in {*NO_MEASURE, *others}
        },
        "intervals": scores.get("intervals", {}),
    }


def _sections(text: str) -> tuple[Section, ...]:
    """The parts under ``##`` headings."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return tuple(Section(slugify(title), title.strip(), body.strip()) for title, body in pairs)


# The columns of the page's tables of crossed groups, in order.
GROUP_MEASURES: Final = (
    *(f"{output.name}_accuracy" for output in map(get_output, DEFAULT_OUTPUTS) if output.shape is Shape.CATEGORY),
    *(f"{output.name}_mae" for output in map(get_output, DEFAULT_OUTPUTS) if output.shape is Shape.ESTIMATE),
)


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The crossed groups of one set, one per line; a cell is a measure's name, value and interval."""

    data_set: str
    measures: list[str]
    lines: list[tuple[GroupScores, list[tuple[str, float | None, Interval | None]]]]


def crossed_groups(card: WrittenCard) -> list[GroupTable]:
    """One table for each set with labels for gender, race and age."""
    tables = []
    for evaluation in card.evaluations:
        groups = [group for group in evaluation.groups if group.by == "gender, race, age"]
        measures = [measure for measure in GROUP_MEASURES if any(measure in group.metrics for group in groups)]
        lines = [
            (group, [(measure, group.metrics.get(measure), group.intervals.get(measure)) for measure in measures])
            for group in groups
        ]
        if lines:
            tables.append(GroupTable(evaluation.data_set, measures, lines))
    return tables


def card_html(text: str) -> SafeString:
    """Renders the card's Markdown as safe HTML, without its title."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    # The page already shows the title.
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        # Column alignment would be an inline style, which the pages' CSP forbids.
        token.attrs.pop("style", None)
        token.children = _without_card_links(token.children or [])
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return mark_safe(html)  # noqa: S308 -- the Markdown may hold no HTML of its own


def _without_card_links(tokens: list[Token]) -> list[Token]:
    """Leaves out links to other cards, which have no page here, but keeps their words."""
    kept = []
    is_left_out = False
    for token in tokens:
        if token.type == "link_open":
            is_left_out = str(token.attrs.get("href", "")).endswith(".md")
        if not (is_left_out and token.type in {"link_open", "link_close"}):
            kept.append(token)
    return kept


def card_file(name: str, file_name: str) -> HttpResponse:
    """Serves a chart or table of the card of ``name``, cacheable for an hour. Raises Http404."""
    known = {file.name: file for file in CARDS_DIR.glob("*") if file.stem.startswith(name)}
    file = known.get(file_name)
    if file is None or file.suffix not in MEDIA_TYPES:
        raise Http404("this model's card has no file with this name")
    response = HttpResponse(file.read_bytes(), content_type=MEDIA_TYPES[file.suffix])
    # ConditionalGetMiddleware adds the ETag and answers 304.
    response["Cache-Control"] = "private, max-age=3600"
    return response
