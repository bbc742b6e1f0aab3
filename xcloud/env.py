"""Typed readers of environment variables. Each raises ImproperlyConfigured with the variable's name."""

import ipaddress
import math
import os
import secrets
import shlex
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

Choice = TypeVar("Choice", bound=StrEnum)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})

# The longest text of a statement.
STATEMENT = 1000

LOCAL_STORE = "cv.files.local.LocalStore"
S3_STORE = "cv.files.s3.S3Store"
S3_OPTIONS = ("endpoint", "region", "addressing", "encryption")


def load_file(name: str, default: Path) -> None:
    """Sets the variables of a `.env` file, if it exists, that are not set yet. Raises ImproperlyConfigured.

    It has lines NAME=value as a shell reads them, without substitutions; a value with spaces is quoted.
    """
    file = path(name, default)
    if not file.is_file():
        return
    for number, line in enumerate(file.read_text().splitlines(), start=1):
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


def integer(name: str, default: int, minimum: int = 1) -> int:
    value = text(name, str(default))
    try:
        number = int(value.replace("_", ""))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {number}")
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


def cache(name: str, default: str) -> dict[str, Any]:
    """Django's description of the cache at a URL: ``locmem://`` or ``redis://…``."""
    url = text(name, default)
    match urlsplit(url).scheme:
        case "locmem":
            # With Django's default of 300 entries, the 301st caller would evict the counts of a hundred others.
            return {
                "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
                "OPTIONS": {"MAX_ENTRIES": 200_000},
            }
        case "redis" | "rediss" | "unix":
            # Imported where it is used: it takes 5 MB.
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            return {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": url,
                # Requests wait for Redis: a call that hangs times out, and a closed connection is opened again.
                "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1, "retry": Retry(NoBackoff(), 1)},
            }
    raise ImproperlyConfigured(f"{name} must start with locmem, redis, rediss or unix")


def storage(name: str, access_key: str, secret_key: str) -> dict[str, Any]:
    """Django's description of the storage of kept files: MEDIA_ROOT unless the variable names another place.

    ``file:///folder``, or ``s3://bucket/prefix`` with ``endpoint``, ``region``, ``addressing`` (``path`` or
    ``virtual``) and ``encryption`` (``AES256`` or ``aws:kms``) after a ``?``. If the keys are empty, boto3 finds
    credentials in its usual places.
    """
    url = urlsplit(text(name, ""))
    match url.scheme:
        case "" if not url.geturl():
            return {"BACKEND": LOCAL_STORE}
        case "file":
            folder = unquote(url.path)
            if url.netloc or not folder.startswith("/") or not folder.strip("/") or url.query:
                raise ImproperlyConfigured(f"{name} must be file:///absolute/folder")
            return {"BACKEND": LOCAL_STORE, "OPTIONS": {"location": folder}}
        case "s3":
            return {"BACKEND": S3_STORE, "OPTIONS": _bucket(name, url, access_key, secret_key)}
    raise ImproperlyConfigured(f"{name} must start with file or s3, not {url.scheme!r}")


def _bucket(name: str, url: SplitResult, access_key: str, secret_key: str) -> dict[str, Any]:
    given = dict(parse_qsl(url.query))
    for option in given:
        if option not in S3_OPTIONS:
            raise ImproperlyConfigured(f"{name} has the options {', '.join(S3_OPTIONS)}, not {option!r}")
    if not url.netloc or "@" in url.netloc or ":" in url.netloc:
        raise ImproperlyConfigured(f"{name} must be s3://bucket or s3://bucket/prefix, without keys or a port")
    endpoint = given.get("endpoint")
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise ImproperlyConfigured(f"{name}: endpoint must start with http:// or https://")
    # A self-hosted server seldom has a host name for every bucket.
    addressing = given.get("addressing", "path" if endpoint else "auto")
    if addressing not in {"path", "virtual", "auto"}:
        raise ImproperlyConfigured(f"{name}: addressing must be path or virtual")
    if given.get("encryption", "AES256") not in {"AES256", "aws:kms"}:
        raise ImproperlyConfigured(f"{name}: encryption must be AES256 or aws:kms")
    if bool(access_key) != bool(secret_key):
        raise ImproperlyConfigured("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together")
    return {
        "bucket_name": url.netloc,
        "location": unquote(url.path).strip("/"),
        "endpoint_url": endpoint,
        "region_name": given.get("region"),
        "addressing_style": addressing,
        "encryption": given.get("encryption"),
        "access_key": access_key or None,
        "secret_key": secret_key or None,
    }


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
    try:
        return path(name, Path()).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}: the file can't be read: {error}") from None


def database(name: str, default: str) -> dict[str, Any]:
    """Django's description of the database at a URL: ``sqlite:///file``, ``postgresql://…``, ``mysql://…``.

    User, password and database name may be percent-encoded; what follows ``?`` goes to the driver.
    """
    url = urlsplit(text(name, default))
    match url.scheme:
        case "sqlite" | "sqlite3":
            return _sqlite(name, url)
        case "postgres" | "postgresql":
            return _server(name, url, "django.db.backends.postgresql", {})
        case "mysql" | "mariadb":
            options = {
                "charset": "utf8mb4",
                "init_command": "SET sql_mode = 'STRICT_TRANS_TABLES', innodb_strict_mode = 1",
                "isolation_level": "read committed",
            }
            return _server(name, url, "django.db.backends.mysql", options)
    # The URL may contain a password, so the message has only its scheme.
    raise ImproperlyConfigured(f"{name} must start with sqlite, postgresql, mysql or mariadb, not {url.scheme!r}")


def _sqlite(name: str, url: SplitResult) -> dict[str, Any]:
    if url.netloc or not url.path.removeprefix("/"):
        raise ImproperlyConfigured(f"{name} must be sqlite:///relative/file or sqlite:////absolute/file")
    file = unquote(url.path.removeprefix("/"))
    if file != ":memory:":
        file = str(Path(file).resolve())
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        # Threads keep their connections: closing the last one would move the whole write-ahead log into the file.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # A transaction that takes its lock late can fail at once with "database is locked"; a transaction that
            # takes it at the start waits up to ``timeout`` seconds.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # Overwrites deleted data with zeros.
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;",
        },
    }


def _server(name: str, url: SplitResult, engine: str, options: dict[str, str]) -> dict[str, Any]:
    database_name = unquote(url.path.removeprefix("/"))
    if not url.hostname or not database_name:
        raise ImproperlyConfigured(f"{name} must name a host and a database: {url.scheme}://user:password@host/name")
    try:
        port = url.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} has a port that is not a number") from None
    return {
        "ENGINE": engine,
        "NAME": database_name,
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname,
        "PORT": str(port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options | dict(parse_qsl(url.query)),
    }
