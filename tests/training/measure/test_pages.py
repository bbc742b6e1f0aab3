"""Sections of pages are replaced, and the rest stays."""

from pathlib import Path

import pytest

from training.measure.pages import replace_section


def test_a_section_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("one\n<!-- growth -->\nold\n<!-- end of growth -->\ntwo\n")

    replace_section(page, "growth", "new\n")

    assert page.read_text() == "one\n<!-- growth -->\nnew\n<!-- end of growth -->\ntwo\n"
    with pytest.raises(ValueError, match="no section peers"):
        replace_section(page, "peers", "new\n")
