"""Model cards as pages: the Markdown that training wrote, as safe HTML, and the charts beside it."""

from pathlib import Path
from typing import Final

from django.http import FileResponse, Http404
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

CARDS_DIR: Final = Path(__file__).resolve().parent.parent / "docs" / "model_cards"
MEDIA_TYPES: Final = {".png": "image/png", ".svg": "image/svg+xml", ".json": "application/json"}


def card_html(name: str) -> SafeString | None:
    """The card of the model, without its own title; None where no card was written.

    ``name`` is a served model's: never text that a visitor sent.
    """
    file = CARDS_DIR / f"{name}.md"
    if not file.is_file():
        return None
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(file.read_text())
    # The page has the title already.
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        # The columns' alignment would be an inline style, which the pages' policy forbids.
        token.attrs.pop("style", None)
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return mark_safe(html)  # noqa: S308 -- the Markdown may hold no HTML of its own


def card_file(name: str, file_name: str) -> FileResponse:
    """A chart or table that the card of ``name`` refers to. Raises Http404."""
    known = {file.name: file for file in CARDS_DIR.glob("*") if file.stem.startswith(name)}
    file = known.get(file_name)
    if file is None or file.suffix not in MEDIA_TYPES:
        raise Http404
    return FileResponse(file.open("rb"), content_type=MEDIA_TYPES[file.suffix])
