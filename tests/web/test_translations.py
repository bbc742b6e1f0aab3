"""The Chinese texts are complete: pages and scripts have no English left, and the compiled files are current."""

import gettext
import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.utils import translation
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
TEXT = r"""u?(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')"""
FUNCTIONS = r"\b(?:gettext|ngettext|gettext_lazy|_)\(\s*" + TEXT
IN_CONTEXT = r"\b(?:pgettext|pgettext_lazy)\(\s*" + TEXT + r",\s*" + TEXT
PLACEHOLDER = r"%\((\w+)\)[sd]"
TAG = r"{% blocktranslate.*?{% endblocktranslate %}|{%.*?%}|{{.*?}}|{#.*?#}"
# The same in every language.
NAMES = {
    "/api/v1/models/",
    "API",
    "CSV",
    "English",
    "JSON",
    "JSON Lines",
    "Parquet",
    "SHA-256",
    "XCloud",
    "https://…",
    "p50",
    "p95",
    "px",
}


def compiled(domain: str) -> gettext.GNUTranslations:
    with (LOCALE / f"{domain}.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def texts(folder: str, pattern: str, *expressions: str) -> set[str]:
    """The texts in the sources, as the catalogues name them."""
    found = set()
    for file in (ROOT / folder).rglob(pattern):
        source = templatize(file.read_text()) if file.suffix == ".html" else file.read_text()
        for expression in expressions:
            for match in re.finditer(expression, source):
                found.add("\x04".join(group for group in match.groups() if group is not None))
    return found


@pytest.mark.parametrize(
    ("domain", "wanted"),
    [
        ("djangojs", texts("static/js", "*.js", FUNCTIONS, IN_CONTEXT)),
        ("django", texts("templates", "*.html", FUNCTIONS, IN_CONTEXT)),
        ("django", texts("web", "*.py", FUNCTIONS, IN_CONTEXT)),
    ],
    ids=["scripts", "templates", "python"],
)
def test_every_text_is_in_chinese(domain: str, wanted: set[str]) -> None:
    catalogue = compiled(domain)._catalog  # type: ignore[attr-defined]
    known = {key[0] if isinstance(key, tuple) else key for key, text in catalogue.items() if text}
    assert wanted
    assert sorted(wanted - known) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_a_template_says_nothing_that_cannot_be_translated(template: Path) -> None:
    html = re.sub(TAG, "", template.read_text(), flags=re.DOTALL)
    attributes = re.findall(r'\b(?:alt|title|aria-label|placeholder)="([^"]*)"', html)
    said = {text.strip(" \n·,←→") for text in [*attributes, *re.split(r"<[^>]*>", html)]}
    assert sorted(text for text in said - NAMES if re.search("[A-Za-z]", text)) == []


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_a_translation_names_what_its_original_names(domain: str) -> None:
    for key, text in compiled(domain)._catalog.items():  # type: ignore[attr-defined]
        original = key[0] if isinstance(key, tuple) else key
        if original:
            assert sorted(re.findall(PLACEHOLDER, text)) == sorted(re.findall(PLACEHOLDER, original)), original


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_the_compiled_texts_are_those_of_the_source(domain: str) -> None:
    source = (LOCALE / f"{domain}.po").read_text()
    catalogue = compiled(domain)._catalog  # type: ignore[attr-defined]
    singles = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', source, re.M)
    assert len(singles) > 50
    for original, text in singles:
        context = re.search(rf'msgctxt "(.+)"\nmsgid "{re.escape(original)}"', source)
        key = original if context is None else f"{context[1]}\x04{original}"
        assert catalogue[key] == text.replace("\\n", "\n"), original


def test_the_admins_tables_columns_and_choices_are_in_chinese() -> None:
    said: list[str] = []
    for model, shown in admin.site._registry.items():
        if model._meta.app_label != "cv":
            continue
        hidden = set(shown.exclude or ())
        fields = [field for field in model._meta.local_fields if field.name not in hidden]
        words = [model._meta.verbose_name, model._meta.verbose_name_plural]
        words += [field.verbose_name for field in fields]
        words += [label for field in fields for _, label in field.choices or ()]
        with translation.override("zh-hans"):
            said += [str(word) for word in words]
    assert len(said) > 150
    # Names and hashes aside, nothing is left in letters of English words.
    assert [word for word in said if not re.search(r"[\u4e00-\u9fff]", word)] == []
