"""Sections of documentation that are written by what measured them: ``<!-- name -->`` … ``<!-- end of name -->``."""

from pathlib import Path


def replace_section(page: Path, name: str, text: str) -> None:
    """Replaces what stands in the page's section. Raises ValueError if the page has no such section."""
    page.write_text(with_section(page.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def with_section(page: str, name: str, text: str) -> str:
    """The page's text with whole lines of ``text`` in the section. Raises ValueError if there is no such section."""
    before, begin, rest = page.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end of {name} -->\n")
    if not end:
        raise ValueError(f"the page has no section {name}")
    return before + begin + text + end + after
