"""What the settings that are URLs mean to Django. Each function raises ImproperlyConfigured with the setting's name."""

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

LOCAL_STORE = "cv.files.local.LocalStore"
S3_STORE = "cv.files.s3.S3Store"
BROKERS = ("redis", "rediss", "redis+socket", "amqp", "amqps", "pyamqp")
S3_OPTIONS = ("endpoint", "region", "addressing", "encryption")


def cache(name: str, url: str) -> dict[str, Any]:
    """Django's description of the cache at a URL: ``locmem://`` or ``redis://…``."""
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


def broker(name: str, urls: str) -> str:
    """The URL of a broker, or several with ``;`` between them, each for when those before it are away. May be empty."""
    for url in urls.split(";") if urls else []:
        scheme, separator, _ = url.partition("://")
        if not separator or scheme not in BROKERS:
            # The URL may contain a password.
            raise ImproperlyConfigured(f"{name} must be a URL that starts with one of {', '.join(BROKERS)}")
    return urls


def storage(name: str, given: str, access_key: str, secret_key: str) -> dict[str, Any]:
    """Django's description of the storage of kept files: MEDIA_ROOT if the URL is empty.

    ``file:///folder``, or ``s3://bucket/prefix`` with ``endpoint``, ``region``, ``addressing`` (``path`` or
    ``virtual``) and ``encryption`` (``AES256`` or ``aws:kms``) after a ``?``. If the keys are empty, boto3 finds
    credentials in its usual places.
    """
    url = urlsplit(given)
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


def database(name: str, given: str) -> dict[str, Any]:
    """Django's description of the database at a URL: ``sqlite:///file``, ``postgresql://…``, ``mysql://…``.

    User, password and database name may be percent-encoded; what follows ``?`` goes to the driver.
    """
    url = urlsplit(given)
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
