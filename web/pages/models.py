"""The pages of the models in service: what each is, what it was trained on, and how often it is right."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from cv.abstention import limit_of
from cv.cards import GroupTable, card_file, card_html, crossed_groups, written_card
from cv.engine.errors import EngineError
from cv.engine.labels import Attribute
from cv.engine.model_card import ModelCard
from cv.serving.engines import served_engine
from web.pages.base import page

# The columns of the summary, in order; a set has a row if it has one of them.
SUMMARY: Final = (
    "gender_accuracy",
    "race_accuracy",
    "age_mae",
    "age_band_accuracy",
    "expression_accuracy",
    "beauty_pearson",
)
Cell = tuple[str, float | None, tuple[float, float] | None]


@dataclass(frozen=True, slots=True)
class Summary:
    """The main measures of each labelled set: a cell is a measure's name, its value and no interval."""

    measures: list[str]
    lines: list[tuple[str, list[Cell]]]


@page
def served(request: HttpRequest) -> HttpResponse:
    """The page of the model of the default outputs, which names the others."""
    try:
        name = served_engine().card.name
    except EngineError:
        return render(request, "model.html", {"name": ""}, status=503)
    return redirect("model-card", name)


@page
def model(request: HttpRequest, name: str) -> HttpResponse:
    """What the model in service is, what it was trained on, and how often it is right.

    ``?gender=female&race=white&age=28`` marks the groups of such faces.
    """
    try:
        catalog = served_engine().catalog
    except EngineError:
        return render(request, "model.html", {"name": name}, status=503)
    card = next((card for card in catalog.cards if card.name == name), None)
    if card is None:
        raise Http404
    written = written_card(card)
    groups = crossed_groups(written)
    context = {
        "name": name,
        "card": card,
        "others": [other.name for other in catalog.cards if other is not card],
        # Whether it gives the default outputs, as far as these weights have them.
        "answers": name == catalog.card.name,
        "share": round((card.interval_coverage or 0) * 100),
        "limits": {attribute.value: limit_of(attribute) for attribute in Attribute},
        "summary": summary_of(card),
        "groups": groups,
        "alike": groups_alike(groups, request.GET),
        "text": card_html(written.markdown) if written.markdown else None,
    }
    return render(request, "model.html", context)


@page
def model_file(request: HttpRequest, name: str, file_name: str) -> HttpResponse:
    """A chart of the model's card."""
    return card_file(name, file_name)


def summary_of(card: ModelCard) -> Summary:
    """The card's measures, ``set.measure`` → value, as a table."""
    by_set: dict[str, dict[str, float]] = defaultdict(dict)
    for name, value in card.metrics.items():
        data_set, _, measure = name.rpartition(".")
        if measure in SUMMARY:
            by_set[data_set][measure] = value
    measures = [measure for measure in SUMMARY if any(measure in values for values in by_set.values())]
    lines: list[tuple[str, list[Cell]]] = [
        (data_set, [(measure, values.get(measure), None) for measure in measures])
        for data_set, values in by_set.items()
    ]
    return Summary(measures, lines)


def groups_alike(tables: list[GroupTable], query: QueryDict) -> list[GroupTable]:
    """The lines of the groups that the query names, by gender, race and age, as far as it names them."""
    wanted = {name: str(query[name]) for name in ("gender", "race", "age") if query.get(name)}
    if not wanted:
        return []
    found = []
    for table in tables:
        lines = [line for line in table.lines if is_alike(line[0].group, wanted)]
        if lines:
            found.append(GroupTable(table.data_set, table.measures, lines))
    return found


def is_alike(group: str, wanted: dict[str, str]) -> bool:
    """Whether a face with the ``wanted`` gender, race and age is in the group, such as “female, white, 20-29”."""
    gender, race, ages = group.split(", ")
    low, _, high = ages.rstrip("+").partition("-")
    age = wanted.get("age", low)
    return (
        wanted.get("gender", gender) == gender
        and wanted.get("race", race) == race
        and age.isascii()
        and age.isdecimal()
        and int(low) <= int(age[:4]) <= int(high or 200)
    )
