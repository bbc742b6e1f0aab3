"""Typed readers of environment variables. Each raises ImproperlyConfigured with the variable's name."""

import ipaddress
import logging
import math
import os
import secrets
import shlex
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from xcloud import addresses

Choice = TypeVar("Choice", bound=StrEnum)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})

# The longest text of a statement.
STATEMENT = 1000


def load_file(name: str, default: Path) -> None:
    """Sets the variables of a `.env` file that are not set yet. Raises ImproperlyConfigured.

    ``default`` may be missing, but not a file that the variable ``name`` names. The lines are NAME=value as a shell
    reads them, without substitutions; a value with spaces is quoted.
    """
    file = path(name, default)
    if not text(name, "") and not file.is_file():
        return
    for number, line in enumerate(_content(name, file).splitlines(), start=1):
        try:
            parts = shlex.split(line, comments=True)
        except ValueError as error:
            raise ImproperlyConfigured(f"{file.name}, line {number}: {error}") from None
        if parts[:1] == ["export"]:
            del parts[0]
        if not parts:
            continue
        variable, equals, value = parts[0].partition("=")
        if len(parts) > 1 or not equals or not variable.isidentifier():
            raise ImproperlyConfigured(f"{file.name}, line {number}: must be NAME=value, with quotes around spaces")
        os.environ.setdefault(variable, value)


def text(name: str, default: str) -> str:
    """The variable, or ``default`` if it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    value = text(name, str(default)).lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")


def statement(name: str, needed_by: str, needed: bool) -> str:
    """A text that people will read, on one line; it must not be empty if ``needed``."""
    value = " ".join(text(name, "").split())
    if needed and not value:
        raise ImproperlyConfigured(f"{needed_by} is on, so {name} must say in a sentence what its readers will see")
    if len(value) > STATEMENT:
        raise ImproperlyConfigured(f"{name} must have at most {STATEMENT} characters, not {len(value)}")
    return value


def integer(name: str, default: int, minimum: int = 1, maximum: int | None = None) -> int:
    value = text(name, str(default))
    try:
        number = int(value.replace("_", ""))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {number}")
    if maximum is not None and number > maximum:
        raise ImproperlyConfigured(f"{name} must be at most {maximum}, not {number}")
    return number


def share(name: str, default: float) -> float:
    try:
        number = float(text(name, str(default)))
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise ImproperlyConfigured(f"{name} must be a number from 0 to 1, not {text(name, '')!r}")
    return number


def words(name: str, default: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def origins(name: str, default: str) -> list[str]:
    """Origins of pages, such as ``https://app.example.org``; ``*`` is any."""
    found = words(name, default)
    for origin in found:
        parts = urlsplit(origin)
        if origin != "*" and (parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}"):
            raise ImproperlyConfigured(f"{name} must have origins like https://app.example.org, not {origin!r}")
    return found


def choice(name: str, default: Choice) -> Choice:
    value = text(name, default)
    try:
        return type(default)(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(type(default))}, not {value!r}") from None


def log_level(name: str, default: str) -> str:
    level = text(name, default).upper()
    if level not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured(f"{name} must be DEBUG, INFO, WARNING or ERROR, not {level!r}")
    return level


def limits(name: str, default: Mapping[Choice, float], highest: float, one_for_all: bool) -> dict[Choice, float]:
    """``age=25,beauty=4``: numbers from 0 to ``highest``; names that are left out keep their default.

    With ``one_for_all``, a single number applies to all names.
    """
    known = {str(member): member for member in default}
    found = dict(default)
    for word in words(name, ""):
        label, _, value = word.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number <= highest:
            raise ImproperlyConfigured(f"{name} must have numbers from 0 to {highest:g}, not {value!r}")
        if label.strip() in known:
            found[known[label.strip()]] = number
        elif one_for_all and word == value:
            found = dict.fromkeys(default, number)
        else:
            raise ImproperlyConfigured(f"{name} must name some of {', '.join(sorted(known))}, each with `=NUMBER`")
    return found


def integers(name: str, default: str) -> list[int]:
    try:
        return [int(word) for word in words(name, default)]
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be whole numbers, separated by commas") from None


def networks(name: str, default: str) -> list[Network]:
    """Networks in CIDR notation, for example ``10.1.2.0/24,fd00:1::/64``."""
    try:
        return [ipaddress.ip_network(word) for word in words(name, default)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None


def path(name: str, default: Path) -> Path:
    return Path(text(name, str(default))).expanduser().resolve()


def secret(name: str, fallback_file: Path) -> str:
    """The variable, or the content of ``fallback_file``, which is created once, readable only by its owner."""
    if value := text(name, ""):
        return value
    if not fallback_file.exists():
        fallback_file.parent.mkdir(parents=True, exist_ok=True)
        # A link fails if the file exists: if several workers start together, all use the secret of the first one.
        handle, draft = tempfile.mkstemp(dir=fallback_file.parent)  # mkstemp gives mode 0600
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(50))
            os.link(draft, fallback_file)
        except FileExistsError:
            pass
        finally:
            Path(draft).unlink()
    return fallback_file.read_text().strip()


def content(name: str) -> str:
    """What the file holds that the variable names, such as a Docker secret; empty if it names none."""
    if not text(name, ""):
        return ""
    return _content(name, path(name, Path())).strip()


def _content(name: str, file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}: the file can't be read: {error}") from None


def cache(name: str, default: str) -> dict[str, Any]:
    return addresses.cache(name, text(name, default))


def broker(name: str) -> str:
    return addresses.broker(name, text(name, ""))


def storage(name: str, access_key: str, secret_key: str) -> dict[str, Any]:
    return addresses.storage(name, text(name, ""), access_key, secret_key)


def database(name: str, default: str) -> dict[str, Any]:
    return addresses.database(name, text(name, default))
