"""`.env.example` names every variable that the settings read, with the default that they use."""

import ast
import re
from pathlib import Path

from cv.engine.config import DecodeLimits, EngineConfig

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = dict(re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def read_by_settings() -> set[str]:
    """The first argument of each call to a reader of xcloud.env."""
    tree = ast.parse((ROOT / "xcloud" / "settings.py").read_text())
    return {
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
    }


def test_the_example_names_what_the_settings_read_and_nothing_else() -> None:
    assert set(EXAMPLE) == read_by_settings()


def test_the_example_shows_the_engines_defaults() -> None:
    assert EXAMPLE["XCLOUD_MAX_IMAGE_BYTES"] == str(DecodeLimits().max_bytes)
    assert EXAMPLE["XCLOUD_MAX_IMAGE_PIXELS"] == str(DecodeLimits().max_pixels)
    assert EXAMPLE["XCLOUD_ENGINE_BACKEND"] == EngineConfig().backend
    assert EXAMPLE["XCLOUD_ENGINE_THREADS"] == "1"
